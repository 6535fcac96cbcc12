package events

import (
	"log/slog"
	"time"
)

// EventDelivered says that the mediator has routed an event, once for each tag
// that is counted by itself. Topic mediator.event.delivered; key: Tag. It is
// synthetic where the event is (header ce_synthetic).
type EventDelivered struct {
	Tag        string  `avro:"tag" json:"tag"`               // a tag that the event's type registers, OtherTag or Untagged
	ID         string  `avro:"eventId" json:"eventId"`       // of the event
	Type       Type    `avro:"eventType" json:"eventType"`   // of the event
	ReceivedAt Instant `avro:"receivedAt" json:"receivedAt"` // when the door took it
	At         Instant `avro:"at" json:"at"`                 // when it was routed
}

// Tags that no event has of its own: those of events with tags that their type
// does not register, and of events with none.
const (
	OtherTag = "~other"
	Untagged = "~untagged"
)

func (e EventDelivered) EventType() string     { return "EVENT_DELIVERED" }
func (e EventDelivered) Subject() string       { return e.Tag }
func (e EventDelivered) OccurredAt() time.Time { return e.At.Time() }
func (e EventDelivered) LogValue() slog.Value  { return logged(Type(e.EventType())) }

// Validate returns the first field that is absent.
func (e EventDelivered) Validate() error {
	return missing(text("tag", e.Tag), text("eventId", e.ID), text("eventType", e.Type), field{"receivedAt", e.ReceivedAt == 0}, field{"at", e.At == 0})
}
