package refill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"payerflow/connectors/hydrate"
	"payerflow/connectors/kafka"
	"payerflow/connectors/store"
	"payerflow/internal/topology"
)

// Each calls each for the records that the store has of a run of a partition's
// offsets, also those of the topic's earlier lives that came back to their
// offsets.
func (r *Refill) Each(ctx context.Context, topic string, partition int32, from, to int64, each func(store.Record) error) error {
	shelves, err := r.Store.Shelves(ctx)
	if err != nil {
		return err
	}
	lives, err := r.Lives(ctx, topic)
	if err != nil {
		return err
	}
	s := &side{topic: topic, partition: partition, life: lives[topic]}
	if err := r.look(ctx, s, shelves); err != nil {
		return err
	}
	for _, h := range s.held {
		if h.Offset < from || h.Offset >= to {
			continue
		}
		rec, err := r.Store.Get(ctx, h.ID)
		if errors.Is(err, store.ErrNotHeld) {
			continue
		}
		if err == nil {
			err = each(rec)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Stored waits until the sink has stored a partition up to an offset.
func (r *Refill) Stored(ctx context.Context, topic string, partition int32, to int64) error {
	for {
		at, err := r.Admin.FetchOffsets(ctx, hydrate.Group)
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return fmt.Errorf("offsets of %s: %w: %w", hydrate.Group, topology.ErrUnavailable, err)
		}
		if o, ok := at.Lookup(topic, partition); to == 0 || ok && o.At >= to {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s/%d is not stored up to offset %d", topic, partition, to)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// MakeSchemas makes the registry's topic, which nobody else does, where it is
// absent.
func (r *Refill) MakeSchemas(ctx context.Context) error {
	meta, err := r.Admin.BrokerMetadata(ctx)
	if err != nil {
		return fmt.Errorf("brokers: %w: %w", topology.ErrUnavailable, err)
	}
	copies := kafka.Required.CappedTo(len(meta.Brokers))
	made, err := r.Admin.CreateTopic(ctx, 1, int16(copies.Factor), map[string]*string{"cleanup.policy": kadm.StringPtr("compact")}, hydrate.SchemasTopic)
	if err = errors.Join(err, made.Err); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("topic %s: %w", hydrate.SchemasTopic, err)
	}
	return nil
}

// Whole are the stored topics of which nothing but old records goes.
func Whole() []string {
	return slices.DeleteFunc(hydrate.Topics(), func(name string) bool { return name == hydrate.SchemasTopic })
}
