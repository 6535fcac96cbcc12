package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/internal/topology"
)

// Shown is a record as Tail shows it. Value is the decoded body, or null with
// the fault that it does not decode with.
type Shown struct {
	Coordinates
	Time    time.Time         `json:"time"`
	Key     string            `json:"key"`
	Headers map[string]string `json:"headers,omitempty"`
	Value   json.RawMessage   `json:"value"`
	Fault   string            `json:"fault,omitempty"`
}

// TailOptions say which records Tail shows.
type TailOptions struct {
	FromStart bool
	Follow    bool // go on after the end that the topic has now
	Limit     int  // 0: no bound
}

// Tail calls show for committed records of a topic until the end, the limit,
// or ctx is reached. opts say who we are.
func Tail(ctx context.Context, brokers []string, topic string, s topology.Schemas, o TailOptions, show func(Shown) error, opts ...Option) error {
	at := kgo.NewOffset().AtEnd()
	if o.FromStart {
		at = kgo.NewOffset().AtStart()
	}
	c, err := Dial(ctx, brokers, append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(at), kgo.KeepControlRecords())...)
	if err != nil {
		return err
	}
	defer c.Close()
	left, err := c.distance(ctx, topic, o)
	if err != nil {
		return err
	}
	generic, n := codecs.NewGeneric(s), 0
	for o.Follow || len(left) > 0 {
		fetches := c.kafka.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err0(); err != nil {
			return fmt.Errorf("fetch %s: %w", topic, err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if end, ok := left[r.Partition]; ok && r.Offset >= end-1 {
				delete(left, r.Partition)
			}
			if r.Attrs.IsControl() {
				continue
			}
			if err := show(shown(generic, r)); err != nil {
				return err
			}
			if n++; n == o.Limit {
				return nil
			}
		}
	}
	return nil
}

// distance returns the end of each partition that has something to show.
func (c *Client) distance(ctx context.Context, topic string, o TailOptions) (map[int32]int64, error) {
	left := map[int32]int64{}
	starts, err := c.admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	ends, err := c.admin.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	ends.Each(func(e kadm.ListedOffset) {
		if errors.Is(e.Err, kerr.UnknownTopicOrPartition) {
			err = fmt.Errorf("topic %s does not exist", topic)
		}
		if s, ok := starts.Lookup(topic, e.Partition); ok && o.FromStart && e.Offset > s.Offset {
			left[e.Partition] = e.Offset
		}
	})
	return left, err
}

func shown(g *codecs.Generic, r *kgo.Record) Shown {
	s := Shown{Coordinates: Coordinates{r.Topic, r.Partition, r.Offset}, Time: r.Timestamp.UTC(), Key: string(r.Key), Value: json.RawMessage("null")}
	for _, h := range r.Headers {
		if s.Headers == nil {
			s.Headers = map[string]string{}
		}
		s.Headers[h.Key] = string(h.Value)
	}
	if r.Value == nil {
		s.Fault = "no value"
		return s
	}
	v, err := g.Decode(r.Value)
	if err != nil {
		s.Fault = err.Error()
		return s
	}
	s.Value = v
	return s
}
