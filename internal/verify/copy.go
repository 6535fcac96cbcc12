package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// copied writes what a topic holds to another, after edit has changed the
// records of all partitions, each in order.
func (l *Log) copied(ctx context.Context, from, to string, edit func([]*kgo.Record) ([]*kgo.Record, error)) error {
	held, err := l.held(ctx, false, from)
	if err != nil {
		return err
	}
	var all []*kgo.Record
	if err := l.read(ctx, held, false, func(r *kgo.Record) error { all = append(all, r); return nil }); err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b *kgo.Record) int { return int(a.Partition - b.Partition) })
	if all, err = edit(all); err != nil {
		return err
	}
	err = l.admin(func(a *kadm.Client) error {
		size := "20971520"
		_, err := a.CreateTopic(ctx, int32(len(held[from])), 1, map[string]*string{"max.message.bytes": &size}, to)
		return err
	})
	if err != nil {
		return fmt.Errorf("topic %s: %w", to, err)
	}
	return l.write(ctx, to, all)
}

// write appends records, each to its partition, in order.
func (l *Log) write(ctx context.Context, to string, all []*kgo.Record) error {
	c, err := l.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(16<<20))
	if err != nil {
		return err
	}
	defer c.Close()
	out := make([]*kgo.Record, 0, len(all))
	for _, r := range all {
		out = append(out, &kgo.Record{Topic: to, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp})
	}
	return c.ProduceSync(ctx, out...).FirstErr()
}
