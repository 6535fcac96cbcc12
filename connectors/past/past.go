// Package past answers: what did partitions hold before their topics forgot
// it? The event store has it, up to the offset where a topic begins now.
package past

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
)

const (
	askTimeout = 15 * time.Second
	// mayLack is how many offsets in a row may hold no record: those of
	// transactions that were aborted, and the marks of their ends.
	mayLack = 1000
)

// Past is what the store holds of the topics that there are now.
type Past struct {
	store  *store.Store
	client *kgo.Client
	admin  *kadm.Client
}

// Open makes a connection that is used when something is asked.
func Open(brokers []string, held *store.Store, opts ...kgo.Opt) (*Past, error) {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.ClientID("payerflow-past")}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	return &Past{held, c, kadm.NewClient(c)}, nil
}

// Close ends the connection to the brokers; that to the store is its owner's.
func (p *Past) Close() { p.client.Close() }

// shelf is where the store keeps a partition of a topic's life of now.
func (p *Past) shelf(ctx context.Context, topic string, partition int32) (shelf store.Shelf, known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	details, err := p.admin.ListTopics(ctx, topic)
	if err == nil {
		err = details[topic].Err
	}
	if err != nil {
		return shelf, false, fmt.Errorf("topic %s: %w", topic, err)
	}
	id := details[topic].ID
	all, err := p.store.Incarnations(ctx)
	for _, i := range all {
		if i.Topic == topic && i.TopicID == hex.EncodeToString(id[:]) {
			return store.Shelf{Topic: topic, Incarnation: i.Number, Partition: partition}, true, nil
		}
	}
	return shelf, false, err
}

// Lacks says why the records of a partition between two offsets, the second not
// among them, cannot all be given; "" where they can. A run of more than 1,000
// offsets without a record counts as lost, and so does the first one.
func (p *Past) Lacks(ctx context.Context, topic string, partition int32, from, to int64) (string, error) {
	if from >= to {
		return "", nil
	}
	shelf, known, err := p.shelf(ctx, topic, partition)
	if err != nil {
		return "", err
	}
	if !known {
		return "the event store does not have this topic", nil
	}
	stored, err := p.stored(ctx, topic, partition)
	if err != nil {
		return "", err
	}
	if stored < to {
		return fmt.Sprintf("the event store has it up to offset %d", stored), nil
	}
	next, most, lacks := from, int64(0), ""
	gap := func(at, most int64) {
		if at-next > most && lacks == "" {
			lacks = fmt.Sprintf("the event store has nothing between offsets %d and %d", next, at)
		}
	}
	err = p.store.Held(ctx, shelf, from, to, func(h store.Held) error {
		gap(h.Offset, most)
		next, most = h.Offset+1, mayLack
		return nil
	})
	gap(to, most)
	return lacks, err
}

// stored is up to where the store's sink has a partition.
func (p *Past) stored(ctx context.Context, topic string, partition int32) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	at, err := p.admin.FetchOffsetsForTopics(ctx, hydrate.Group, topic)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return 0, fmt.Errorf("offsets of %s: %w", hydrate.Group, err)
	}
	o, ok := at.Lookup(topic, partition)
	if !ok || o.At < 0 {
		return 0, nil
	}
	return o.At, o.Err
}

// Read calls each for the records of a partition between two offsets, the
// second not among them, in order, but for those with time stamps before since.
func (p *Past) Read(ctx context.Context, topic string, partition int32, from, to int64, since time.Time, each func(*kgo.Record) error) error {
	shelf, known, err := p.shelf(ctx, topic, partition)
	if err != nil || !known {
		return err
	}
	return p.store.Held(ctx, shelf, from, to, func(h store.Held) error {
		if h.Time.Before(since) {
			return nil
		}
		r, err := p.store.Get(ctx, h.ID)
		if errors.Is(err, store.ErrNotHeld) { // deleted meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		return each(recordOf(r))
	})
}

func recordOf(r store.Record) *kgo.Record {
	out := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Timestamp: r.Time}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return out
}
