package topology

import (
	"slices"
	"time"
)

// Event is what every record body says about itself. OccurredAt is the event
// time; Subject is the entity's key and must equal the record's key; Validate
// returns nil or a Fault.
type Event interface {
	EventType() string
	Subject() string
	OccurredAt() time.Time
	Validate() error
}

// Stamped is an Event that does not say when it happened: the record's time
// stamp does.
type Stamped interface {
	Event
	Stamped()
}

// Record is one event as a fold sees it: no Kafka type in sight.
type Record[E any] struct {
	Key       string    // the entity's key
	At        time.Time // event time
	Synthetic bool
	Body      E
	// ID works out the event's identity: ce_id, else UUIDv5 of topic, key and
	// value. It may be called while the fold runs.
	ID func() string
	// Row is the stored key of the row that the record is folded into, where
	// that is not the record's own key.
	Row string
	// Source is the record as it came: its place, time stamp and headers.
	Source *Raw
}

// Output is what a fold asks for beside the row: an event to emit, or a
// Reject. The fold names no stream: the group sends the value to the one
// stream that it declared for values of that type. Topic is for a stream that
// is routed, and is empty for any other. Headers go with the record beside
// those that it inherits, and take the place of one of the same name.
type Output struct {
	Key     string
	Value   any
	Topic   string
	Also    []string // further topics of the same routed stream that get the same record
	Headers []Header
}

// Reject is an Output value that says that the rules refuse the record. The
// record is parked in its DLQ with this code, and the row stays as it was.
// Reason never repeats a value.
type Reject struct{ ReasonCode, At, Reason string }

// Dropped is an Output value that says that the rules take no notice of the
// record, such as one that came twice. It is counted by its code, and the row
// stays as it was.
type Dropped struct{ Code string }

// Fault is an error that carries a reason code and the JSON pointer of a field.
type Fault interface {
	error
	Code() string
	Pointer() string
}

// Because is the set of events that made a row: sorted ids, cut at a bound,
// and the count of all of them.
type Because struct {
	IDs   []string `json:"ids"`
	Count int      `json:"count"`
}

// Row is what every row says about itself: the events that made it and the
// event time of the latest.
type Row interface {
	Because() Because
	LatestEventAt() time.Time
}

// gone says whether a row asks to be removed from its table: one that has a
// method Gone which is true. Its key then has no row, as if there had never
// been one.
func gone(row any) bool {
	g, ok := row.(interface{ Gone() bool })
	return ok && g.Gone()
}

// Kept is a row as its table keeps it: nil for one that is gone.
func Kept(row any) any {
	if gone(row) {
		return nil
	}
	return row
}

// BecauseOf sorts ids and keeps the first most of them, with the count of all.
func BecauseOf(ids []string, most int) Because {
	count := len(ids)
	slices.Sort(ids)
	return Because{IDs: ids[:min(most, count)], Count: count}
}
