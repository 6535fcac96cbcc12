package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// dlqSuffix is how the names of dead letter topics end.
const dlqSuffix = ".dlq"

// DLQOf is the dead letter topic of a topic; the name of a dead letter topic
// stands for itself.
func DLQOf(topic string) string { return strings.TrimSuffix(topic, dlqSuffix) + dlqSuffix }

// ErrTopicMissing says that the cluster has no such topic.
var ErrTopicMissing = errors.New("the cluster has no such topic")

// DeadLetter is one record of a dead letter topic, as people see it.
type DeadLetter struct {
	At       Coordinates                `json:"at"` // where the dead letter lies
	Metadata DeadLetterMetadata         `json:"dlqMetadata"`
	Key      string                     `json:"originalKey"`
	Headers  map[string]string          `json:"originalHeaders"`
	Payload  json.RawMessage            `json:"originalPayload"`        // null where it does not decode
	Fault    string                     `json:"payloadFault,omitempty"` // why it does not
	State    string                     `json:"state"`                  // WAITING, REDRIVEN or DROPPED
	letter   codecs.DeadLetter          // as it is
	facts    processors.DeadLetterFacts // for filters
}

// DeadLetterMetadata are the catalogue's fields, and ours.
type DeadLetterMetadata struct {
	OriginalTopic     string         `json:"originalTopic"`
	OriginalPartition int32          `json:"originalPartition"`
	OriginalOffset    int64          `json:"originalOffset"`
	FailureReason     string         `json:"failureReason"`
	ReasonCode        string         `json:"reasonCode"`
	FailedAt          events.Instant `json:"failedAt"`
	ConsumerGroup     string         `json:"consumerGroup"`
	RetryCount        int32          `json:"retryCount"`
	EventID           *string        `json:"eventId"`
}

// Waiting is the state of a dead letter that nobody has handled.
const Waiting = "WAITING"

// DeadLetters looks into dead letter topics and empties them. It is for one
// goroutine.
type DeadLetters struct {
	Brokers []string
	Schemas topology.Schemas
	Options []kgo.Opt   // who we are
	Total   func(int64) // told before records are read; nil: nobody
	Passed  func(int64) // told while they are read; nil: nobody
	letters topology.Serde[codecs.DeadLetter]
	handled topology.Serde[events.DeadLetterHandled]
	payload *payloads
}

func (d *DeadLetters) bind() (err error) {
	if d.letters != nil {
		return nil
	}
	topic := topologies.DeadLetterHandled.Topic.Name
	if d.handled, err = topologies.DeadLetterHandled.Codec.Bind(d.Schemas, topic); err != nil {
		return fmt.Errorf("codec of %s: %w", topic, err)
	}
	if d.payload, err = newPayloads(d.Schemas); err != nil {
		return err
	}
	if d.letters, err = codecs.DeadLetters.Bind(d.Schemas, topologies.DeadLetterHandled.Topic.DLQ().Name); err != nil {
		return fmt.Errorf("codec of dead letters: %w", err)
	}
	return nil
}

// each reads the dead letters of a topic, each partition in order. passed is
// told the offsets that hold no dead letter that can be read, too.
func (d *DeadLetters) each(ctx context.Context, todo spans, state handledState, do func(DeadLetter) error) error {
	if d.Total != nil {
		d.Total(todo.size())
	}
	return scanner{brokers: d.Brokers, opts: d.Options, passed: d.Passed}.scan(ctx, todo, func(r *kgo.Record) error {
		dl, err := d.read(r)
		if err != nil {
			return err
		}
		if act, ok := state.act(r.Partition, r.Offset); ok {
			dl.State = act
		}
		return do(dl)
	})
}

// unreadable is the reason code of a record of a dead letter topic that is no
// dead letter.
const unreadable = "NOT_A_DEAD_LETTER"

func (d *DeadLetters) read(r *kgo.Record) (DeadLetter, error) {
	dl := DeadLetter{At: Coordinates{r.Topic, r.Partition, r.Offset}, Payload: json.RawMessage("null"), State: Waiting}
	dl.facts.Place = processors.Place{Partition: r.Partition, Offset: r.Offset}
	letter, err := d.letters.Decode(r.Value)
	if errors.Is(err, topology.ErrUnavailable) {
		return dl, err
	}
	if err != nil {
		dl.Metadata = DeadLetterMetadata{ReasonCode: unreadable, FailureReason: "the record is not a dead letter", FailedAt: events.InstantOf(r.Timestamp)}
		dl.facts.Reason, dl.facts.At = unreadable, r.Timestamp
		return dl, nil //nolint:nilerr // that it does not decode is what is shown of it
	}
	dl.letter, dl.Metadata, dl.Key, dl.Headers = letter, DeadLetterMetadata(letter.Metadata), string(letter.OriginalKey), map[string]string{}
	for _, h := range letter.OriginalHeaders {
		dl.Headers[h.Key] = string(h.Value)
	}
	if dl.Payload, dl.Fault, err = d.payload.show(strings.TrimSuffix(r.Topic, dlqSuffix), letter.OriginalPayload); err != nil {
		return dl, err
	}
	dl.facts, err = dl.asFacts()
	return dl, err
}

func (dl DeadLetter) asFacts() (processors.DeadLetterFacts, error) {
	f := processors.DeadLetterFacts{Place: processors.Place{Partition: dl.At.Partition, Offset: dl.At.Offset},
		Reason: dl.Metadata.ReasonCode, At: dl.Metadata.FailedAt.Time(), Key: dl.Key, Headers: dl.Headers}
	b, err := json.Marshal(dl.Metadata)
	if err == nil {
		err = errors.Join(json.Unmarshal(b, &f.Metadata), json.Unmarshal(dl.Payload, &f.Payload))
	}
	if err != nil {
		return f, errors.New("a dead letter cannot be written as JSON")
	}
	return f, nil
}

// Show calls do for the dead letters that a filter chooses, partition by
// partition in order, until it returns false. Handled ones are among them where
// all is true. It returns how many the filter could not judge.
func (d *DeadLetters) Show(ctx context.Context, dlq string, f processors.DeadLetterFilter, all bool, do func(DeadLetter) (bool, error)) (unjudged int, err error) {
	choice, err := f.Choice()
	if err != nil {
		return 0, err
	}
	todo, state, err := d.open(ctx, dlq, all)
	if err != nil {
		return 0, err
	}
	err = d.each(ctx, todo, state, func(dl DeadLetter) error {
		if dl.State != Waiting && !all {
			return nil
		}
		yes, err := choice.Takes(ctx, dl.facts)
		if err != nil || !yes {
			return err
		}
		more, err := do(dl)
		if err == nil && !more {
			err = errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return choice.Unjudged, err
}

var errEnough = errors.New("enough")

// DLQ is what one dead letter topic holds that nobody has handled.
type DLQ struct {
	Topic   string         `json:"topic"`
	Count   int            `json:"count"`
	Reasons map[string]int `json:"reasons"`
	Oldest  *time.Time     `json:"oldest,omitempty"`
	Newest  *time.Time     `json:"newest,omitempty"`
	Hour    int            `json:"lastHour"` // parked within the last hour
	Day     int            `json:"lastDay"`
	Handled int            `json:"handled"` // redriven or dropped, as far as they are still there
}

// List counts what lies in dead letter topics, in name order; with no name, in
// all that the cluster has.
func (d *DeadLetters) List(ctx context.Context, now time.Time, topics ...string) ([]DLQ, error) {
	todo, states, err := d.openAll(ctx, topics)
	if err != nil {
		return nil, err
	}
	byName := map[string]*DLQ{}
	for topic := range todo {
		byName[topic] = &DLQ{Topic: topic, Reasons: map[string]int{}}
	}
	if d.Total != nil {
		d.Total(todo.size())
	}
	err = scanner{brokers: d.Brokers, opts: d.Options, passed: d.Passed}.scan(ctx, todo, func(r *kgo.Record) error {
		letter, err := d.letters.Decode(r.Value)
		if errors.Is(err, topology.ErrUnavailable) {
			return err
		}
		code, at := letter.Metadata.ReasonCode, letter.Metadata.FailedAt.Time()
		if err != nil {
			code, at = unreadable, r.Timestamp
		}
		_, done := states[r.Topic].act(r.Partition, r.Offset)
		byName[r.Topic].count(code, at.UTC(), now, done)
		return nil
	})
	out := make([]DLQ, 0, len(byName))
	for _, q := range byName {
		out = append(out, *q)
	}
	slices.SortFunc(out, func(a, b DLQ) int { return strings.Compare(a.Topic, b.Topic) })
	return out, err
}

func (q *DLQ) count(code string, at, now time.Time, handled bool) {
	if handled {
		q.Handled++
		return
	}
	q.Count++
	q.Reasons[code]++
	if q.Oldest == nil || at.Before(*q.Oldest) {
		q.Oldest = &at
	}
	if q.Newest == nil || at.After(*q.Newest) {
		q.Newest = &at
	}
	if now.Sub(at) <= time.Hour {
		q.Hour++
	}
	if now.Sub(at) <= 24*time.Hour {
		q.Day++
	}
}
