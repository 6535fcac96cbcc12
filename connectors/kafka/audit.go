package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// Bounds of the audit's producer.
const (
	auditRecords = 20_000
	auditBytes   = 32 << 20
	auditLinger  = 2 * time.Millisecond // reads at one time share a batch
	auditWait    = 2 * time.Second      // what is not acknowledged until then is not answered
)

// Audit writes to audit.received. Its client is idempotent and waits for all
// in-sync replicas. It holds at most 32 MiB. It is for any number of
// goroutines.
type Audit struct {
	client *kgo.Client
	serde  topology.Serde[events.AuditReceived]
}

// OpenAudit makes the producer. It does not wait for a broker.
func OpenAudit(brokers []string, s topology.Schemas, opts ...kgo.Opt) (*Audit, error) {
	topic := topologies.AuditReceived.Topic
	serde, err := topologies.AuditReceived.Codec.Bind(s, topic.Name)
	if err != nil {
		return nil, fmt.Errorf("codec of %s: %w", topic.Name, err)
	}
	// Any partition will do: each has a chain of its own. The client stays with
	// one for a batch, so that a batch has as many records as there are reads.
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.ClientID("payerflow-audit"),
		kgo.DefaultProduceTopic(topic.Name), kgo.RecordPartitioner(kgo.StickyPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerBatchMaxBytes(int32(topic.MaxMessageBytes)),
		kgo.MaxBufferedRecords(auditRecords), kgo.MaxBufferedBytes(auditBytes),
		kgo.RecordDeliveryTimeout(2 * auditWait), kgo.ProducerLinger(auditLinger)}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	return &Audit{client: client, serde: serde}, nil
}

// Close ends the connection. What was not acknowledged is lost.
func (a *Audit) Close() { a.client.Close() }

// Write returns nil once all in-sync replicas have the record, and within 2 s.
// The error wraps topology.ErrUnavailable where the record was not
// acknowledged; it may be written all the same.
func (a *Audit) Write(ctx context.Context, e events.AuditReceived) error {
	value, err := a.serde.Encode(e)
	if err != nil {
		return fmt.Errorf("audit record: %w", err)
	}
	done := make(chan error, 1)
	// A record's context would end others' of the same batch: it has none. A
	// full buffer refuses instead of waiting.
	a.client.TryProduce(context.WithoutCancel(ctx), &kgo.Record{Key: []byte(e.ID), Value: value}, func(_ *kgo.Record, err error) { done <- err })
	late := time.NewTimer(auditWait)
	defer late.Stop()
	select {
	case err = <-done:
		if err == nil {
			return nil
		}
	case <-late.C:
		err = fmt.Errorf("no acknowledgement within %s", auditWait)
	case <-ctx.Done():
		err = ctx.Err()
	}
	return fmt.Errorf("write the audit record: %w: %w", topology.ErrUnavailable, err)
}
