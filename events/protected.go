package events

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a protected value prints as.
const Redacted = "***REDACTED***"

var (
	errDate    = errors.New("not a date of the form yyyy-mm-dd")
	errInstant = errors.New("not an RFC 3339 time")
)

// ID identifies a claim, a member, a provider or another entity. Identifiers
// are PHI (45 CFR 164.514(b)(2)(i)): every way of printing one shows
// Redacted. Encoders see the value; string(id) is the deliberate way to it.
type ID string

func (ID) String() string             { return Redacted }
func (ID) GoString() string           { return Redacted }
func (ID) LogValue() slog.Value       { return slog.StringValue(Redacted) }
func (ID) Format(f fmt.State, _ rune) { redact(f) }

// Text is free text or a code that says something about a person's care. It
// prints as Redacted, like ID.
type Text string

func (Text) String() string             { return Redacted }
func (Text) GoString() string           { return Redacted }
func (Text) LogValue() slog.Value       { return slog.StringValue(Redacted) }
func (Text) Format(f fmt.State, _ rune) { redact(f) }

// logged is what a log shows of an event: its type and nothing else. The JSON
// handler would write every field, because encoders see what is protected.
func logged(t Type) slog.Value {
	return slog.GroupValue(slog.String("eventType", string(t)), slog.String("body", Redacted))
}

// redact answers every verb: fmt shows the value itself for a wrong one.
func redact(w io.Writer) { _, _ = io.WriteString(w, Redacted) }
