package events

import (
	"log/slog"
	"time"
)

// Typed is an event of a domain topic, whatever Go type it may have elsewhere:
// for those who pass it on and do not look into it.
type Typed struct {
	Type   Type
	Key    ID     // value of the topic's key field
	Body   Body   // JSON object, with the names and forms of the event type's JSON Schema
	Digest string // canonical form of the decoded value, as identities are made of
}

func (e Typed) EventType() string     { return string(e.Type) }
func (e Typed) Subject() string       { return string(e.Key) }
func (e Typed) OccurredAt() time.Time { return time.Time{} }
func (e Typed) LogValue() slog.Value  { return logged(e.Type) }

// Stamped says that the record's time stamp is the event time.
func (e Typed) Stamped() {}

// Validate returns the first field that is absent.
func (e Typed) Validate() error {
	return missing(text("eventType", e.Type), text("key", e.Key), text("body", e.Body))
}
