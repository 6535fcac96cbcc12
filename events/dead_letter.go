package events

import (
	"log/slog"
	"time"
)

// DeadLetterHandled says what became of a dead letter. A redriven record and
// this event are written in one transaction. Topic mediator.deadletter.handled,
// one partition; key: the dead letter topic.
type DeadLetterHandled struct {
	DLQ       string  `avro:"dlq" json:"dlq"`
	Partition int32   `avro:"partition" json:"partition"`
	Offset    int64   `avro:"offset" json:"offset"`
	Act       string  `avro:"act" json:"act"`           // REDRIVEN, DROPPED or PASSED
	Position  int64   `avro:"position" json:"position"` // everything before it in the partition is handled
	EventID   *string `avro:"eventId" json:"eventId"`   // where the dead letter names it
	Mended    bool    `avro:"mended" json:"mended"`     // the payload was changed before
	By        string  `avro:"by" json:"by"`
	Why       string  `avro:"why" json:"why"`
	At        Instant `avro:"at" json:"at"`
}

// Acts on a dead letter.
const (
	DeadLetterRedriven = "REDRIVEN"
	DeadLetterDropped  = "DROPPED"
	DeadLettersPassed  = "PASSED" // Offset is no dead letter: the partition was found handled up to Position
)

func (e DeadLetterHandled) EventType() string     { return "DEAD_LETTER_" + e.Act }
func (e DeadLetterHandled) Subject() string       { return e.DLQ }
func (e DeadLetterHandled) OccurredAt() time.Time { return e.At.Time() }
func (e DeadLetterHandled) LogValue() slog.Value  { return logged(Type(e.EventType())) }

// Validate returns the first field that is absent.
func (e DeadLetterHandled) Validate() error {
	return missing(text("dlq", e.DLQ), text("act", e.Act), field{"at", e.At == 0})
}
