package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// span is a run of offsets of one partition.
type span struct{ from, to int64 }

// spans are what is to be read, by topic and partition.
type spans map[string]map[int32]span

func (s spans) size() (n int64) {
	for _, ps := range s {
		for _, p := range ps {
			n += p.to - p.from
		}
	}
	return n
}

// spans are all committed records that topics hold now, or those since a time.
// A topic that does not exist has none.
func (c *Client) spans(ctx context.Context, since time.Time, topics ...string) (spans, error) {
	out := spans{}
	if len(topics) == 0 {
		return out, nil // asked for none, the cluster would tell of all
	}
	starts, err := c.admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("offsets: %w", err)
	}
	ends, err := c.admin.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("offsets: %w", err)
	}
	var after kadm.ListedOffsets
	if !since.IsZero() {
		if after, err = c.admin.ListOffsetsAfterMilli(ctx, since.UnixMilli(), topics...); err != nil {
			return nil, fmt.Errorf("offsets: %w", err)
		}
	}
	var failed error
	ends.Each(func(e kadm.ListedOffset) {
		start, _ := starts.Lookup(e.Topic, e.Partition)
		from := start.Offset
		if o, ok := after.Lookup(e.Topic, e.Partition); ok {
			from = max(from, o.Offset)
		}
		switch err := errors.Join(e.Err, start.Err); {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
		case err != nil:
			failed = fmt.Errorf("offsets of %s/%d: %w", e.Topic, e.Partition, err)
		case out[e.Topic] == nil:
			out[e.Topic] = map[int32]span{e.Partition: {from, e.Offset}}
		default:
			out[e.Topic][e.Partition] = span{from, e.Offset}
		}
	})
	return out, failed
}

// What a scan waits for the next record: the last ones of a compacted
// partition may have gone, those of others have not.
const (
	idleCompacted = 3 * time.Second
	idle          = 30 * time.Second
)

// scanner reads committed records.
type scanner struct {
	brokers   []string
	opts      []kgo.Opt
	compacted bool        // of the topics
	passed    func(int64) // counts offsets on the way to size
}

// scan calls each for the records of spans, each partition in order.
func (sc scanner) scan(ctx context.Context, todo spans, each func(*kgo.Record) error) error {
	at, left := map[string]map[int32]kgo.Offset{}, spans{}
	for topic, ps := range todo {
		for p, s := range ps {
			if s.from >= s.to {
				continue
			}
			if at[topic] == nil {
				at[topic], left[topic] = map[int32]kgo.Offset{}, map[int32]span{}
			}
			at[topic][p], left[topic][p] = kgo.NewOffset().At(s.from), s
		}
	}
	if len(at) == 0 {
		return nil
	}
	c, err := Dial(ctx, sc.brokers, append(sc.opts[:len(sc.opts):len(sc.opts)], kgo.ConsumePartitions(at), kgo.KeepControlRecords())...)
	if err != nil {
		return err
	}
	defer c.Close()
	return sc.poll(ctx, c, left, each)
}

func (sc scanner) poll(ctx context.Context, c *Client, left spans, each func(*kgo.Record) error) error {
	patience := idle
	if sc.compacted {
		patience = idleCompacted
	}
	for heard := time.Now(); len(left) > 0; {
		if time.Since(heard) >= patience {
			if sc.compacted {
				return nil
			}
			return fmt.Errorf("no record came for %s before the end was reached", patience)
		}
		wait, cancel := context.WithTimeout(ctx, patience)
		fetches := c.kafka.PollFetches(wait)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := fetches.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("fetch: %w", err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			heard = time.Now()
			s, ok := left[r.Topic][r.Partition]
			if !ok {
				continue
			}
			if r.Offset < s.to && !r.Attrs.IsControl() {
				if err := each(r); err != nil {
					return err
				}
			}
			left.pass(r, s, sc.passed)
		}
	}
	return nil
}

// pass notes how far a partition was read, and that it is done.
func (s spans) pass(r *kgo.Record, at span, passed func(int64)) {
	if passed != nil {
		passed(min(r.Offset+1, at.to) - at.from)
	}
	if at.from = r.Offset + 1; at.from < at.to {
		s[r.Topic][r.Partition] = at
		return
	}
	if delete(s[r.Topic], r.Partition); len(s[r.Topic]) == 0 {
		delete(s, r.Topic)
	}
}

// Count is how many offsets a topic's partitions hold: its records, and the
// marks of transactions.
func (c *Client) Count(ctx context.Context, topic string) (int64, error) {
	s, err := c.spans(ctx, time.Time{}, topic)
	return s.size(), err
}
