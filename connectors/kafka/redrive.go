package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
)

// Handling says what is to be done about the dead letters of one topic.
type Handling struct {
	DLQ    string
	Filter processors.DeadLetterFilter
	Drop   bool   // give them up; else they go back
	DryRun bool   // only count
	By     string // who does it
	Why    string
	// Mend gives the JSON that goes back in place of a payload; nil changes nothing.
	Mend func(DeadLetter) ([]byte, error)
}

// Handled is what became of a Handling.
type Handled struct {
	DLQ      string         `json:"dlq"`
	To       string         `json:"to,omitempty"`
	Chosen   int            `json:"chosen"`
	Done     int            `json:"done"`             // redriven or dropped; of a dry run: that would be
	Refused  map[string]int `json:"refused"`          // chosen, but cannot be redriven: by reason
	Unjudged int            `json:"unjudged"`         // the expression failed over them
	Before   int            `json:"before"`           // handled earlier, and left out
	Faults   []RefusedBy    `json:"faults,omitempty"` // the first of those refused
	DryRun   bool           `json:"dryRun"`
}

// RefusedBy is why a dead letter was not redriven.
type RefusedBy struct {
	At     Coordinates    `json:"at"`
	Code   string         `json:"code"`
	Reason string         `json:"reason"`
	Faults []events.Fault `json:"faults,omitempty"`
}

// Reasons for which a dead letter is not redriven.
const (
	refusedOrigin   = "FOREIGN_TOPIC" // it names another topic than the one its dead letter topic belongs to
	refusedMend     = "NOT_MENDED"
	refusedPayload  = "NOT_DECODABLE" // and a change was asked for
	refusedTooLarge = "TOO_LARGE"
)

// Bounds of one transaction, and of the faults that are told.
const (
	redriveRecords = 500
	redriveBytes   = 8 << 20
	redriveTimeout = time.Minute
	maxRefusedBy   = 20
)

// ErrOvertaken says that another redrive or drop of the topic has begun.
var ErrOvertaken = errors.New("another redrive or drop of this topic has begun; this one ends, and nothing is done twice")

// ErrEngineOnly says that records of a topic cannot be redriven.
var ErrEngineOnly = errors.New("no one but the engine writes there")

// Handle redrives or drops dead letters, those of each partition in order. A
// record and the note that it was redriven are written in one transaction: a
// run that was cut short is gone on with by another, and no record goes back
// twice. Of two runs at once on one topic, the later one goes on.
func (d *DeadLetters) Handle(ctx context.Context, h Handling) (Handled, error) {
	out := Handled{DLQ: h.DLQ, Refused: map[string]int{}, DryRun: h.DryRun}
	choice, err := h.Filter.Choice()
	if err != nil {
		return out, err
	}
	r := &redrive{d: d, h: h, out: &out, to: strings.TrimSuffix(h.DLQ, dlqSuffix), unbroken: map[int32]bool{}}
	if err := r.begin(ctx); err != nil {
		return out, err
	}
	defer r.close()
	todo, state, err := d.open(ctx, h.DLQ, false) // after begin: whoever was there before has ended
	if err != nil {
		return out, err
	}
	r.state = state
	err = d.each(ctx, todo, state, func(dl DeadLetter) error {
		if dl.State != Waiting {
			out.Before++
			return r.settled(dl.At, nil, "", false)
		}
		yes, err := choice.Takes(ctx, dl.facts)
		if err != nil {
			return err
		}
		if !yes {
			r.unbroken[dl.At.Partition] = false
			return nil
		}
		out.Chosen++
		return r.take(ctx, dl)
	})
	out.Unjudged = choice.Unjudged
	if err != nil {
		return out, err
	}
	return out, r.end(ctx, todo[h.DLQ])
}

// redrive is a Handling under way.
type redrive struct {
	d          *DeadLetters
	h          Handling
	out        *Handled
	client     *kgo.Client
	to         string
	partitions int
	limit      int // bytes of a record, 0: not known
	state      handledState
	unbroken   map[int32]bool // false: something before is not handled
	batch      []*kgo.Record
	bytes      int
	dead       int // dead letters in the batch
}

// engineTopics are endings of names of topics that the engine alone writes.
var engineTopics = []string{dlqSuffix, "-table", "-ticks", "-repartition"}

// begin looks for the topic that records go back to, and ends what an earlier
// run has left open.
func (r *redrive) begin(ctx context.Context) error {
	for _, suffix := range engineTopics {
		if strings.HasSuffix(r.to, suffix) && !r.h.Drop {
			return fmt.Errorf("records of %s cannot be redriven: %w; drop them", r.to, ErrEngineOnly)
		}
	}
	c, err := Dial(ctx, r.d.Brokers, r.d.Options...)
	if err != nil {
		return err
	}
	defer c.Close()
	if !r.h.Drop {
		r.out.To = r.to
		topics, err := c.admin.ListTopics(ctx, r.to)
		if err != nil {
			return fmt.Errorf("topic %s: %w", r.to, err)
		}
		if r.partitions = len(topics[r.to].Partitions); topics[r.to].Err != nil || r.partitions == 0 {
			return fmt.Errorf("%s: %w", r.to, ErrTopicMissing)
		}
		r.limit = messageLimit(ctx, c.admin, r.to)
	}
	if r.h.DryRun {
		return nil
	}
	if r.client, err = transacting(r.d.Brokers, "payerflow-redrive", "payerflow.redrive."+r.h.DLQ, r.d.Options); err != nil {
		return err
	}
	if _, _, err := r.client.ProducerID(ctx); err != nil {
		r.close()
		return fmt.Errorf("begin: %w", err)
	}
	return nil
}

func (r *redrive) close() {
	if r.client != nil {
		r.client.Close()
	}
}

// messageLimit is what a topic takes, 0 where the cluster does not tell.
func messageLimit(ctx context.Context, admin *kadm.Client, topic string) (n int) {
	described, _ := admin.DescribeTopicConfigs(ctx, topic)
	_, _ = fmt.Sscan(settingsOf(described)[topic]["max.message.bytes"], &n)
	return n
}

// settled notes that a dead letter is handled. Until a partition has one that
// is not, the position follows.
func (r *redrive) settled(at Coordinates, id *string, act string, mended bool) error {
	p := r.state.of(at.Partition)
	if _, seen := r.unbroken[at.Partition]; !seen {
		r.unbroken[at.Partition] = true
	}
	if r.unbroken[at.Partition] {
		p.position = at.Offset + 1
	}
	if act == "" || r.h.DryRun {
		return nil
	}
	p.acts[at.Offset] = act
	return r.note(events.DeadLetterHandled{DLQ: at.Topic, Partition: at.Partition, Offset: at.Offset, Act: act, Position: p.position,
		EventID: id, Mended: mended, By: r.h.By, Why: r.h.Why, At: events.InstantOf(time.Now())})
}

func (r *redrive) note(e events.DeadLetterHandled) error {
	value, err := r.d.handled.Encode(e)
	if err != nil {
		return err
	}
	r.add(&kgo.Record{Topic: handledTopic, Key: []byte(e.DLQ), Value: value})
	return nil
}

func (r *redrive) add(rec *kgo.Record) {
	r.batch = append(r.batch, rec)
	r.bytes += len(rec.Key) + len(rec.Value)
}

// commit writes the batch as one transaction.
func (r *redrive) commit(ctx context.Context) error {
	if len(r.batch) == 0 || r.h.DryRun {
		return nil
	}
	if err := r.client.BeginTransaction(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := r.client.ProduceSync(ctx, r.batch...).FirstErr()
	end := kgo.TryCommit
	if err != nil {
		end = kgo.TryAbort
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), redriveTimeout)
	defer cancel()
	err = errors.Join(err, r.client.EndTransaction(ending, end))
	switch {
	case err == nil:
		r.out.Done += r.dead
		r.batch, r.bytes, r.dead = nil, 0, 0
		return nil
	case fenced(err):
		return ErrOvertaken
	}
	return fmt.Errorf("redrive %s: %w", r.h.DLQ, err)
}

// end commits what is left, and lets the positions of partitions in which all
// is handled move to their ends.
func (r *redrive) end(ctx context.Context, read map[int32]span) error {
	for p, s := range read {
		if unbroken, seen := r.unbroken[p]; r.h.DryRun || seen && !unbroken || s.from >= s.to {
			continue
		}
		if err := r.note(events.DeadLetterHandled{DLQ: r.h.DLQ, Partition: p, Offset: s.to - 1, Act: events.DeadLettersPassed, Position: s.to,
			By: r.h.By, At: events.InstantOf(time.Now())}); err != nil {
			return err
		}
	}
	return r.commit(ctx)
}

// headersOf are the headers of a record that goes back.
func (dl DeadLetter) headersOf(id string) (out []kgo.RecordHeader) {
	m := dl.letter.Metadata
	raw := &topology.Raw{Topic: m.OriginalTopic, Partition: m.OriginalPartition, Offset: m.OriginalOffset}
	for _, h := range dl.letter.OriginalHeaders {
		raw.Headers = append(raw.Headers, topology.Header{Key: h.Key, Value: h.Value})
	}
	for _, h := range topology.Redrive(raw, topology.Position(dl.At), id) {
		out = append(out, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return out
}
