package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Follower sees the records of one event as they come.
type Follower struct {
	tracer *Tracer
	client *Client
}

// Follow looks at topics from their ends on: what is written after it returns
// is seen by Next. Topics that do not exist are left out.
func (t *Tracer) Follow(ctx context.Context, id string, topics ...string) (*Follower, error) {
	if err := t.bind(id); err != nil {
		return nil, err
	}
	c, err := Dial(ctx, t.Brokers, t.Options...)
	if err != nil {
		return nil, err
	}
	ends, err := c.spans(ctx, time.Time{}, topics...)
	c.Close()
	if err != nil {
		return nil, err
	}
	at := map[string]map[int32]kgo.Offset{}
	for topic, partitions := range ends {
		at[topic] = map[int32]kgo.Offset{}
		for p, s := range partitions {
			at[topic][p] = kgo.NewOffset().At(s.to)
		}
	}
	f := &Follower{tracer: t}
	f.client, err = Dial(ctx, t.Brokers, append(t.Options[:len(t.Options):len(t.Options)], kgo.ConsumePartitions(at), kgo.FetchMaxWait(20*time.Millisecond))...)
	return f, err
}

// Close ends the connection.
func (f *Follower) Close() { f.client.Close() }

// Next waits for records of the event. It fails when ctx ends.
func (f *Follower) Next(ctx context.Context) (hops []Hop, err error) {
	for len(hops) == 0 {
		fetches := f.client.kafka.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("fetch: %w", err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			hop, found, err := f.tracer.hop(it.Next())
			if err != nil {
				return nil, err
			}
			if found {
				hops = append(hops, hop)
			}
		}
	}
	return hops, nil
}
