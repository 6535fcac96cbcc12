package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

// Stream reads a consumer topic from a position on. It is for one goroutine,
// and holds about streamBytes however slowly it is read.
type Stream struct {
	copies *Copies
	topic  string
	client *Client
	at     Position
	held   []*kgo.Record // read, and not decoded yet
}

// streamBytes bounds what is fetched ahead of the reader.
const streamBytes = 1 << 20

// ErrPositionGone says that the log no longer holds a position.
var ErrPositionGone = errors.New("the log begins after this position")

// Stream opens a reader. The position must lie within the topic's bounds.
func (c *Copies) Stream(ctx context.Context, topic string, from Position) (*Stream, error) {
	at := map[int32]kgo.Offset{}
	for p, o := range from.Next {
		at[p] = kgo.NewOffset().At(o)
	}
	opts := append([]kgo.Opt{kgo.ClientID("payerflow-stream"), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(streamBytes), kgo.FetchMaxPartitionBytes(streamBytes), kgo.MaxConcurrentFetches(1)}, c.opts...)
	client, err := Dial(ctx, c.brokers, opts...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", topology.ErrUnavailable, err)
	}
	return &Stream{copies: c, topic: topic, client: client, at: from.Clone()}, nil
}

// Close ends the reader.
func (s *Stream) Close() { s.client.Close() }

// Position is after the last copy that Next returned.
func (s *Stream) Position() Position { return s.at.Clone() }

// Next waits for copies until ctx ends, which is no error. It fails with
// ErrPositionGone or ErrNoTopic, or wraps topology.ErrUnavailable; after the
// last it may be asked again.
func (s *Stream) Next(ctx context.Context, most int) (out []Copy, err error) {
	if len(s.held) == 0 {
		fetches := s.client.kafka.PollRecords(ctx, most)
		for _, e := range fetches.Errors() {
			if err := streamFault(s.topic, e.Err); err != nil {
				return nil, err
			}
		}
		s.held = fetches.Records()
	}
	for len(s.held) > 0 {
		r := s.held[0]
		if !r.Attrs.IsControl() {
			c, err := s.copies.copyOf(r)
			if err != nil {
				return out, err
			}
			out = append(out, c)
		}
		s.at.Next[r.Partition] = r.Offset + 1
		s.held = s.held[1:]
	}
	return out, nil
}

func streamFault(topic string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(err, kerr.OffsetOutOfRange):
		return ErrPositionGone
	}
	return unreachable(topic, err)
}
