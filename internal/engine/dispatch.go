package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

// dispatch hands records to goka, one message for all that a partition brought.
func (s *session) dispatch(f kgo.Fetches) (n int) {
	f.EachPartition(func(p kgo.FetchTopicPartition) {
		c := s.claims[topicPartition{p.Topic, p.Partition}]
		if c == nil {
			return
		}
		c.end.Store(p.HighWatermark)
		records := withoutMarkers(p.Records)
		if len(records) == 0 {
			return
		}
		n += len(records)
		s.open.Add(1)
		c.put(s.ctx, records)
	})
	return n
}

// behind is how many records the inputs held beyond these positions when they
// were polled last.
func (s *session) behind(next map[topicPartition]int64) (n int64) {
	for at, position := range next {
		if c := s.claims[at]; c != nil {
			n += max(0, c.end.Load()-position)
		}
	}
	return n
}

// count counts records; transaction markers are none.
func count(f kgo.Fetches) (n int) {
	f.EachPartition(func(p kgo.FetchTopicPartition) {
		for _, r := range p.Records {
			if !r.Attrs.IsControl() {
				n++
			}
		}
	})
	return n
}

func withoutMarkers(rs []*kgo.Record) []*kgo.Record {
	for i, r := range rs {
		if r.Attrs.IsControl() {
			kept := append([]*kgo.Record(nil), rs[:i]...)
			for _, r := range rs[i:] {
				if !r.Attrs.IsControl() {
					kept = append(kept, r)
				}
			}
			return kept
		}
	}
	return rs
}

// fetchErrors reports what the client does not mend by itself. A position that
// is not in the log any more ends the run: there is none to go on from.
func (rt *runtime) fetchErrors(f kgo.Fetches) {
	f.EachError(func(topic string, partition int32, err error) {
		switch {
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		case errors.Is(err, kerr.OffsetOutOfRange):
			rt.fail(fmt.Errorf("fetch %s/%d: %w", topic, partition, err))
		default:
			rt.p.log.Warn("fetch", "topic", topic, "partition", partition, "error", err)
		}
	})
}

func rawOf(r *kgo.Record) topology.Raw {
	raw := topology.Raw{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
	if len(r.Headers) > 0 {
		raw.Headers = make([]topology.Header, len(r.Headers))
		for i, h := range r.Headers {
			raw.Headers[i] = topology.Header{Key: h.Key, Value: h.Value}
		}
	}
	return raw
}
