package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/propagation"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/observe"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// Bounds of the firehose's producer.
const (
	firehoseRecords  = 20_000
	firehoseBytes    = 64 << 20
	firehoseDelivery = 10 * time.Second // a record that was not sent until then fails
	firehoseLinger   = time.Millisecond
)

// Firehose writes envelopes to mediator.event.received. Its client is
// idempotent and waits for all in-sync replicas; keys are placed as Kafka's
// own partitioner places them. It holds at most 64 MiB. It is for any number
// of goroutines.
type Firehose struct {
	client *kgo.Client
	serde  topology.Serde[events.Envelope]
}

// Placed is what became of one envelope.
type Placed struct {
	Coordinates
	Err error // wraps topology.ErrUnavailable where the same envelope may pass later
}

// OpenFirehose makes the producer. It does not wait for a broker.
func OpenFirehose(brokers []string, s topology.Schemas, opts ...kgo.Opt) (*Firehose, error) {
	topic := topologies.Firehose.Topic
	serde, err := topologies.Firehose.Codec.Bind(s, topic.Name)
	if err != nil {
		return nil, fmt.Errorf("codec of %s: %w", topic.Name, err)
	}
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.ClientID("payerflow-firehose"),
		kgo.DefaultProduceTopic(topic.Name), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerBatchMaxBytes(int32(topic.MaxMessageBytes)),
		kgo.MaxBufferedRecords(firehoseRecords), kgo.MaxBufferedBytes(firehoseBytes),
		kgo.RecordDeliveryTimeout(firehoseDelivery), kgo.ProducerLinger(firehoseLinger)}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	return &Firehose{client: client, serde: serde}, nil
}

// Close ends the connection. What was not acknowledged is lost.
func (f *Firehose) Close() { f.client.Close() }

// Publish writes the envelopes and waits until all in-sync replicas have each,
// or it failed, or ctx ends. One that ctx ended for may still be written: sent
// again with the same id, it is a duplicate and nothing else. Envelopes of one
// key keep their order.
func (f *Firehose) Publish(ctx context.Context, es []events.Envelope) []Placed {
	type outcome struct {
		i int
		Placed
	}
	out, pending := make([]Placed, len(es)), 0
	done := make(chan outcome, len(es))
	trace := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, trace)
	for i, e := range es {
		r, err := f.record(e, trace)
		if err != nil {
			out[i].Err = err
			continue
		}
		out[i].Err = fmt.Errorf("publish to %s: no acknowledgement in time: %w", topologies.Firehose.Topic.Name, topology.ErrUnavailable)
		pending++
		// A context that ends takes records of others in the same batch with
		// it: a record has none, and a full buffer refuses instead of waiting.
		f.client.TryProduce(context.WithoutCancel(observe.Each(ctx, i)), r, func(r *kgo.Record, err error) {
			done <- outcome{i, Placed{Coordinates{r.Topic, r.Partition, r.Offset}, published(r.Topic, err)}}
		})
	}
	for ; pending > 0; pending-- {
		select {
		case o := <-done:
			out[o.i] = o.Placed
		case <-ctx.Done():
			return out
		}
	}
	return out
}

func published(topic string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return &events.Fault{ReasonCode: codecs.TooLarge, Reason: "the record is larger than the topic takes"}
	}
	return fmt.Errorf("publish to %s: %w: %w", topic, topology.ErrUnavailable, err)
}

func (f *Firehose) record(e events.Envelope, trace propagation.MapCarrier) (*kgo.Record, error) {
	value, err := f.serde.Encode(e)
	if err != nil {
		return nil, err
	}
	// No time stamp: the client counts the delivery time-out from it.
	return &kgo.Record{Key: []byte(e.Key), Value: value, Headers: headersOf(e, trace)}, nil
}

// headersOf are the event's attributes as the Kafka binding of CloudEvents has
// them, and the trace that the event brought along or came in with.
func headersOf(e events.Envelope, trace propagation.MapCarrier) []kgo.RecordHeader {
	var hs []kgo.RecordHeader
	put := func(name, value string) {
		if value != "" {
			hs = append(hs, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
	}
	for _, a := range e.Attributes() {
		put("ce_"+a.Name, a.Value)
	}
	if own := e.Extensions["traceparent"]; own != "" {
		put("traceparent", own)
		put("tracestate", e.Extensions["tracestate"])
		return hs
	}
	put("traceparent", trace["traceparent"])
	put("tracestate", trace["tracestate"])
	return hs
}
