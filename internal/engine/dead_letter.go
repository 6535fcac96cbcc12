package engine

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
)

// maxDeadKey is the longest key that is repeated as the dead letter's own.
const maxDeadKey = 1024

// park writes the record to the dead letter topic of its stream, at the
// partition number where it was read, in the same transaction that moves the
// offset past it.
func (g *group) park(w *work, why *topology.Parked) error {
	rec := &w.Raw
	dlq := w.source.DLQ().Name
	if w.Quiet {
		dlq = g.ReplayDLQ().Name
	}
	d := codecs.DeadLetter{
		Metadata: codecs.DLQMetadata{
			OriginalTopic: rec.Topic, OriginalPartition: rec.Partition, OriginalOffset: rec.Offset,
			FailureReason: why.Reason, ReasonCode: why.Code, FailedAt: events.InstantOf(time.Now()), ConsumerGroup: g.Name, RetryCount: int32(w.retries),
		},
		OriginalKey: rec.Key, OriginalPayload: rec.Value,
	}
	if why.Pointer != "" {
		d.Metadata.FailureReason += " (" + why.Pointer + ")"
	}
	if why.EventID != "" {
		d.Metadata.EventID = &why.EventID
	}
	for _, h := range rec.Headers {
		d.OriginalHeaders = append(d.OriginalHeaders, codecs.DLQHeader{Key: h.Key, Value: h.Value})
	}
	if w.Quiet && g.Shadows == "" {
		w.counters.parked.Inc()
		return nil // the version that speaks parks it
	}
	value, err := g.dead[dlq].Encode(d)
	if err != nil {
		return err
	}
	dead := &kgo.Record{Topic: dlq, Partition: rec.Partition, Value: value, Headers: headersOf(topology.Inherited(rec))}
	if len(rec.Key) <= maxDeadKey { // a larger one stands in the value alone: twice, it would not fit
		dead.Key = rec.Key
	}
	if w.fails(why.Code); w.hop != nil {
		dead.Headers = carrying(dead.Headers, w.hop.SpanContext())
	}
	w.rt.produce(dead)
	g.e.metrics.parked.WithLabelValues(g.Name, rec.Topic, why.Code).Inc()
	w.counters.parked.Inc()
	attrs := []any{"group", g.Name, "topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset, "code", why.Code, "field", why.Pointer}
	if why.Stack != "" {
		attrs = append(attrs, "stack", why.Stack)
	}
	w.rt.p.log.Warn("record parked", attrs...)
	return nil
}
