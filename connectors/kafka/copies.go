package kafka

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// Copies reads consumer topics for doors, and parks what a team could not take.
type Copies struct {
	brokers []string
	opts    []kgo.Opt
	worker  string
	client  *Client // asks, and parks
	serde   topology.Serde[events.Envelope]
	dead    topology.Serde[codecs.DeadLetter]
	dlqs    sync.Map // names of dead letter topics that are there
}

// Copy is one event of a consumer topic.
type Copy struct {
	Partition int32
	Offset    int64
	Envelope  events.Envelope
	Fault     error // why it does not decode; Envelope is then empty

	record *kgo.Record
}

// Size is what a copy holds of memory, about.
func (c Copy) Size() int {
	if c.record == nil {
		return 2 * len(c.Envelope.Body)
	}
	return 2*len(c.record.Value) + len(c.record.Key)
}

// MaskID names the mask that made the copy, "" where the record does not say.
func (c Copy) MaskID() string {
	if c.record != nil {
		for _, h := range c.record.Headers {
			if h.Key == processors.HeaderMask {
				return string(h.Value)
			}
		}
	}
	return ""
}

// ErrNoTopic says that the consumer topic does not exist.
var ErrNoTopic = errors.New("the consumer topic does not exist")

// topicDigits is how much of a topic's id a position carries.
const topicDigits = 8

// OpenCopies connects to the brokers when it is first asked. Worker is the HTTP address under which
// other workers find the owner of a subscription's pulls.
func OpenCopies(brokers []string, s topology.Schemas, worker string, opts ...kgo.Opt) (*Copies, error) {
	serde, err := topologies.Deliveries.Codec.Bind(s, topologies.Firehose.Topic.Name)
	if err != nil {
		return nil, err
	}
	dead, err := codecs.DeadLetters.Bind(s, topologies.Firehose.Topic.DLQ().Name)
	if err != nil {
		return nil, err
	}
	c, err := Open(brokers, append(slices.Clone(opts), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return nil, err
	}
	return &Copies{brokers: brokers, opts: opts, worker: worker, client: c, serde: serde, dead: dead}, nil
}

// Close ends the connection. Streams and members are closed by their users.
func (c *Copies) Close() { c.client.Close() }

// Bounds are what a topic holds now: the first offset of each partition, and
// the one after the last that is committed.
type Bounds struct{ Start, End Position }

// Bounds fails with ErrNoTopic, or wraps topology.ErrUnavailable.
func (c *Copies) Bounds(ctx context.Context, topic string) (b Bounds, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	details, err := c.client.admin.ListTopics(ctx, topic)
	if err != nil {
		return b, unreachable(topic, err)
	}
	d, ok := details[topic]
	if !ok || errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
		return b, ErrNoTopic
	}
	starts, err1 := c.client.admin.ListStartOffsets(ctx, topic)
	ends, err2 := c.client.admin.ListCommittedOffsets(ctx, topic)
	if err := errors.Join(d.Err, err1, err2); err != nil {
		return b, unreachable(topic, err)
	}
	id := hex.EncodeToString(d.ID[:])[:topicDigits]
	b = Bounds{Position{id, map[int32]int64{}}, Position{id, map[int32]int64{}}}
	for p := range d.Partitions {
		start, ok1 := starts.Lookup(topic, p)
		end, ok2 := ends.Lookup(topic, p)
		if err := errors.Join(start.Err, end.Err); err != nil || !ok1 || !ok2 {
			return b, unreachable(topic, err)
		}
		b.Start.Next[p], b.End.Next[p] = start.Offset, end.Offset
	}
	return b, nil
}

// unreachable is an error of the broker, which holds up and never condemns.
func unreachable(topic string, err error) error {
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return ErrNoTopic
	}
	return fmt.Errorf("%s: %w: %w", topic, topology.ErrUnavailable, err)
}

// Committed is the position of a group on a topic; partitions that it never
// committed are absent.
func (c *Copies) Committed(ctx context.Context, group, topic string) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	offsets, err := c.client.admin.FetchOffsets(ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) { // nobody has pulled yet
		err = nil
	}
	if err != nil {
		return nil, unreachable(topic, err)
	}
	out := map[int32]int64{}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic && o.Err == nil && o.At >= 0 {
			out[o.Partition] = o.At
		}
	})
	return out, nil
}

// At is the position of the first record of each partition that is not older
// than a time, in milliseconds since 1970; the end where there is none.
func (c *Copies) At(ctx context.Context, topic string, millis int64) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	found, err := c.client.admin.ListOffsetsAfterMilli(ctx, millis, topic)
	if err != nil {
		return nil, unreachable(topic, err)
	}
	out := map[int32]int64{}
	found.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			err = o.Err
		}
		out[o.Partition] = o.Offset
	})
	if err != nil {
		return nil, unreachable(topic, err)
	}
	return out, nil
}

// copyOf decodes a record. A registry that is away is an error: the record may
// be good.
func (c *Copies) copyOf(r *kgo.Record) (Copy, error) {
	out := Copy{Partition: r.Partition, Offset: r.Offset, record: r}
	e, err := c.serde.Decode(r.Value)
	if errors.Is(err, topology.ErrUnavailable) {
		return out, err
	}
	out.Envelope, out.Fault = e, err
	return out, nil
}
