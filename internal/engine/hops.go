package engine

import (
	"context"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"payerflow/internal/observe"
	"payerflow/internal/topology"
)

// hops are the spans of the open transaction, of records whose trace is
// followed. They end with it, so that each says what came of it.
type hops struct {
	mu   sync.Mutex
	open []trace.Span
	rows map[string]trace.SpanContext // by stored key: of the record that changed the row last
}

func (h *hops) add(s trace.Span) {
	h.mu.Lock()
	h.open = append(h.open, s)
	h.mu.Unlock()
}

func (h *hops) changed(key string, by trace.SpanContext) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rows == nil {
		h.rows = map[string]trace.SpanContext{}
	}
	h.rows[key] = by
}

// end ends all spans with what came of the transaction.
func (h *hops) end(outcome string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.open {
		s.SetAttributes(observe.Outcome.String(outcome))
		if outcome != committed {
			s.SetStatus(codes.Error, outcome)
		}
		s.End()
	}
	clear(h.open)
	h.open = h.open[:0]
	clear(h.rows) // keys
}

// follow begins the span of the record in progress, where its trace is followed
// or it is synthetic.
func (w *work) follow() {
	w.hop = nil
	if w.group().e.cfg.Traces == nil {
		return
	}
	if from := w.Raw.Header(observe.HeaderTrace); observe.Sampled(from) || w.Raw.Synthetic() {
		w.hop = w.startHop(string(from))
	}
}

func (w *work) startHop(from string, more ...attribute.KeyValue) trace.Span {
	g, r := w.group(), &w.Raw
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), observe.Parse(from))
	_, s := g.e.tracer.Start(ctx, "process "+r.Topic, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(messaging("process", r.Topic)...),
		trace.WithAttributes(attribute.String("messaging.consumer.group.name", w.rt.p.name), attribute.String("messaging.destination.partition.id", strconv.Itoa(int(r.Partition))),
			attribute.Int64("messaging.kafka.offset", r.Offset), observe.Synthetic.Bool(r.Synthetic())), trace.WithAttributes(more...))
	if describe := g.e.cfg.Describe; describe != nil && s.IsRecording() {
		if name, tags, known := describe(string(r.Header("ce_type")), string(r.Header("ce_tags"))); known {
			observe.Tell(s, name, r.Synthetic(), tags)
		}
	}
	w.s.hops.add(s)
	return s
}

func messaging(operation, topic string) []attribute.KeyValue {
	return []attribute.KeyValue{attribute.String("messaging.system", "kafka"), attribute.String("messaging.operation.name", operation),
		attribute.String("messaging.operation.type", operation), attribute.String("messaging.destination.name", topic)}
}

// fails marks the span of the record in progress. One that nobody followed so
// far has one from here on: what fails is always kept.
func (w *work) fails(code string) {
	if w.group().e.cfg.Traces == nil {
		return
	}
	if w.hop == nil {
		w.hop = w.startHop(string(w.Raw.Header(observe.HeaderTrace)), observe.Keep.Bool(true))
	}
	w.hop.SetAttributes(attribute.String("error.type", code))
	w.hop.SetStatus(codes.Error, code)
}

// send begins the span of an output, and returns the headers that carry it on.
// An output that brought along another trace is linked to it.
func (w *work) send(topic string, own []topology.Header, headers []kgo.RecordHeader) []kgo.RecordHeader {
	opts := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(messaging("send", topic)...)}
	for _, h := range own {
		if h.Key == observe.HeaderTrace {
			opts = append(opts, trace.WithLinks(trace.Link{SpanContext: observe.Parse(string(h.Value))}))
		}
	}
	_, s := w.group().e.tracer.Start(trace.ContextWithSpan(context.Background(), w.hop), "send "+topic, opts...)
	w.s.hops.add(s)
	return carrying(headers, s.SpanContext())
}

// carrying are the headers with another trace.
func carrying(headers []kgo.RecordHeader, c trace.SpanContext) []kgo.RecordHeader {
	out := make([]kgo.RecordHeader, 0, len(headers)+1)
	for _, h := range headers {
		if h.Key != observe.HeaderTrace {
			out = append(out, h)
		}
	}
	return append(out, kgo.RecordHeader{Key: observe.HeaderTrace, Value: []byte(observe.Text(c))})
}

// row begins the span of a changed row, which ends when it can be read, and
// returns the headers of its records; none where nobody follows.
func (h *hops) row(g *group, key []byte) []kgo.RecordHeader {
	h.mu.Lock()
	by, followed := h.rows[string(key)]
	h.mu.Unlock()
	if !followed {
		return nil
	}
	if g.View.Name != "" {
		_, s := g.e.tracer.Start(trace.ContextWithSpanContext(context.Background(), by), "view "+g.View.Name,
			trace.WithAttributes(observe.View.String(g.View.Name), attribute.String("messaging.consumer.group.name", g.Name)))
		h.add(s)
		by = s.SpanContext()
	}
	return carrying(nil, by)
}
