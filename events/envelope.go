package events

import (
	"fmt"
	"log/slog"
	"time"
)

// Envelope is an event of any type, also of self-registered ones, as the
// firehose and the consumer topics carry it: typed metadata, and the body as
// JSON text. Topic mediator.event.received; key: Key.
//
// The metadata are those of the noun-verb-object form (who, what, when, where,
// why) and at the same time CloudEvents attributes.
type Envelope struct {
	ID              string            `avro:"id" json:"id"`                           // identity: ce_id, or UUIDv5
	Type            Type              `avro:"eventType" json:"eventType"`             // CLAIM_SUBMITTED, or the parts joined with hyphens
	TypeVersion     int32             `avro:"typeVersion" json:"typeVersion"`         // of the registered type that the body was checked against; 0: not checked
	Key             ID                `avro:"key" json:"key"`                         // the entity's key, else the subject, else the transaction id; redacted: a keyed HMAC
	EventSubject    *ID               `avro:"subject" json:"subject,omitempty"`       // as the producer gave it
	TransactionID   string            `avro:"transactionId" json:"transactionId"`     //
	UserID          ID                `avro:"userId" json:"userId"`                   // who
	At              Instant           `avro:"time" json:"time"`                       // when: event time
	TransactionType string            `avro:"transactionType" json:"transactionType"` // what was done, for example UPDATE
	SourceSystem    string            `avro:"sourceSystem" json:"sourceSystem"`       // where
	Synthetic       bool              `avro:"synthetic" json:"synthetic"`
	Tags            []string          `avro:"tags" json:"tags"`             // sorted, each once
	Extensions      map[string]string `avro:"extensions" json:"extensions"` // CloudEvents extensions that are not ours
	Publisher       string            `avro:"publisher" json:"publisher"`   // team whose token opened the door, or "" where a service wrote to the domain topic
	ReceivedAt      Instant           `avro:"receivedAt" json:"receivedAt"` // the door's clock, or the record's time stamp
	Digest          string            `avro:"digest" json:"digest"`         // SHA-256 of type, key and canonical body, hex; of a redacted copy ""
	Body            Body              `avro:"body" json:"body"`             // JSON object
}

func (e Envelope) EventType() string     { return string(e.Type) }
func (e Envelope) Subject() string       { return string(e.Key) }
func (e Envelope) OccurredAt() time.Time { return e.At.Time() }
func (e Envelope) LogValue() slog.Value  { return logged(e.Type) }

// Validate returns the first metadata that every event needs and that is absent.
func (e Envelope) Validate() error {
	return missing(text("id", e.ID), text("eventType", e.Type), text("key", e.Key), field{"time", e.At == 0}, text("body", e.Body))
}

// Body is the JSON text of an event's body. It prints as Redacted.
type Body string

func (Body) String() string             { return Redacted }
func (Body) GoString() string           { return Redacted }
func (Body) LogValue() slog.Value       { return slog.StringValue(Redacted) }
func (Body) Format(f fmt.State, _ rune) { redact(f) }

// MarshalJSON gives the JSON value itself, not a text that holds it.
func (b Body) MarshalJSON() ([]byte, error) {
	if b == "" {
		return []byte("null"), nil
	}
	return []byte(b), nil
}

// UnmarshalJSON keeps the JSON value as it is written.
func (b *Body) UnmarshalJSON(v []byte) error {
	*b = Body(v)
	return nil
}
