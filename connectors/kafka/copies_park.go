package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

// Park writes a copy to the dead letter topic of its subscription, which it
// makes where it does not exist, and returns when all in-sync replicas have it.
// Retries is how often the copy was delivered again.
func (c *Copies) Park(ctx context.Context, s tables.Subscription, group string, p Copy, retries int) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := c.deadLetter(s, group, p, retries)
	if err != nil {
		return err
	}
	if _, known := c.dlqs.Load(r.Topic); !known {
		if err := c.makeDLQ(ctx, s); err != nil {
			return unreachable(r.Topic, err)
		}
		c.dlqs.Store(r.Topic, true)
	}
	if err := c.client.kafka.ProduceSync(ctx, r).FirstErr(); err != nil {
		c.dlqs.Delete(r.Topic) // somebody may have deleted it
		return unreachable(r.Topic, err)
	}
	return nil
}

func (c *Copies) deadLetter(s tables.Subscription, group string, p Copy, retries int) (*kgo.Record, error) {
	code, reason := topology.EffectFailed, "the subscriber did not acknowledge the event, nor any of its redeliveries"
	var fault topology.Fault
	if errors.As(p.Fault, &fault) {
		code, reason, retries = fault.Code(), fault.Error(), 0
	} else if p.Fault != nil {
		code, reason, retries = topology.Undecodable, "the event cannot be read or masked, so nothing of it may leave", 0
	}
	d := codecs.DeadLetter{
		Metadata: codecs.DLQMetadata{OriginalTopic: s.Topic(), OriginalPartition: p.Partition, OriginalOffset: p.Offset, FailureReason: reason,
			ReasonCode: code, FailedAt: events.InstantOf(time.Now()), ConsumerGroup: group, RetryCount: int32(retries)},
		OriginalKey: p.record.Key, OriginalPayload: p.record.Value,
	}
	if p.Fault == nil {
		d.Metadata.EventID = &p.Envelope.ID
	}
	raw := topology.Raw{}
	for _, h := range p.record.Headers {
		d.OriginalHeaders = append(d.OriginalHeaders, codecs.DLQHeader{Key: h.Key, Value: h.Value})
		raw.Headers = append(raw.Headers, topology.Header{Key: h.Key, Value: h.Value})
	}
	value, err := c.dead.Encode(d)
	if err != nil {
		return nil, fmt.Errorf("dead letter of %s: %w", s.Topic(), err)
	}
	r := &kgo.Record{Topic: topologies.ConsumerTopic(s).DLQ().Name, Partition: p.Partition, Key: p.record.Key, Value: value}
	for _, h := range topology.Inherited(&raw) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return r, nil
}

func (c *Copies) makeDLQ(ctx context.Context, s tables.Subscription) error {
	replication, err := c.client.replication(ctx)
	if err != nil {
		return err
	}
	dlq := topologies.ConsumerTopic(s).DLQ()
	changes, err := c.client.Diff(ctx, []topology.Topic{dlq}, replication)
	if err != nil {
		return err
	}
	return c.client.Apply(ctx, changes, replication, func(Change) {})
}
