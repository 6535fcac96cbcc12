package tables

import (
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// How long an identity is remembered after its event was routed. A dead letter
// lives for 30 days, and so does the memory that it was sent again.
const (
	remember         = 24 * time.Hour
	rememberRedriven = 30 * 24 * time.Hour
)

// Processed is what the router remembers of one event identity, its key: where
// the event came first, and what it was.
type Processed struct {
	Topic     string         `avro:"topic" json:"topic"` // first coordinates
	Partition int32          `avro:"partition" json:"partition"`
	Offset    int64          `avro:"offset" json:"offset"`
	Digest    string         `avro:"digest" json:"digest"` // of the event, hex
	At        events.Instant `avro:"at" json:"at"`         // time stamp of the record
	Until     events.Instant `avro:"until" json:"until"`   // remembered until then
	Redone    []string       `avro:"redone" json:"redone"` // consumer topics that were written later than the rest
}

// maxDigest is 128 bits in hexadecimal: two events are told apart, no more.
const maxDigest = 32

// Process is the row of an event that is routed now.
func Process(rec *topology.Raw, digest string) Processed {
	first := rec.First()
	p := Processed{Topic: first.Topic, Partition: first.Partition, Offset: first.Offset, Digest: digest[:min(len(digest), maxDigest)],
		At: events.InstantOf(rec.Timestamp), Until: events.InstantOf(rec.Timestamp.Add(remember))}
	if rec.Redriven() {
		p.Until = events.InstantOf(rec.Timestamp.Add(rememberRedriven))
	}
	return p
}

// Seen says whether the event was routed before.
func (p Processed) Seen() bool { return p.Until != 0 }

// From says whether this very record was the first: it comes again where its
// worker died before the commit and no transaction took back what it wrote.
func (p Processed) From(rec *topology.Raw) bool {
	first := rec.First()
	return !rec.Redriven() && p.Topic == first.Topic && p.Partition == first.Partition && p.Offset == first.Offset
}

// Same says whether it was the same event.
func (p Processed) Same(digest string) bool { return p.Digest == digest[:min(len(digest), maxDigest)] }

// Redo notes that an output was written later; it is false where it was before.
func (p Processed) Redo(topic string) (Processed, bool) {
	if slices.Contains(p.Redone, topic) {
		return p, false
	}
	p.Redone = append(p.Redone[:len(p.Redone):len(p.Redone)], topic)
	p.Until = max(p.Until, events.InstantOf(p.At.Time().Add(rememberRedriven)))
	return p, true
}

// Due is when the row goes.
func (p Processed) Due() time.Time {
	if p.Until == 0 {
		return time.Time{}
	}
	return p.Until.Time()
}

// Gone says that the event is forgotten.
func (p Processed) Gone() bool { return p.Until == 0 }

// Because names nothing: the key is the event.
func (p Processed) Because() topology.Because { return topology.Because{Count: 1} }

// LatestEventAt is the time stamp of the record.
func (p Processed) LatestEventAt() time.Time { return p.At.Time() }
