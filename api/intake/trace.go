package intake

import (
	"context"
	"crypto/rand"
	"net/http"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/observe"
)

var w3c propagation.TraceContext

// traced keeps the trace that a request came with, or begins one.
func traced(ctx context.Context, h http.Header) context.Context {
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	ctx = w3c.Extract(ctx, propagation.HeaderCarrier(h))
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	var c trace.SpanContextConfig
	_, _ = rand.Read(c.TraceID[:]) // never fails
	_, _ = rand.Read(c.SpanID[:])
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(c))
}

// spans are those of accepted events on their way into the firehose.
type spans []trace.Span

// follow begins a span for each event, in the trace that it brought along or
// that the request is in. It shows the type and the tags that the type registers.
func (d *door) follow(ctx context.Context, rules Snapshot, es []events.Envelope) (context.Context, spans) {
	if d.tracer == nil {
		return ctx, nil
	}
	each, out := make([]context.Context, len(es)), make(spans, len(es))
	for i, e := range es {
		in, opts := ctx, []trace.SpanStartOption{trace.WithAttributes(observe.Synthetic.Bool(e.Synthetic))}
		if own := e.Extensions[observe.HeaderTrace]; own != "" {
			in = w3c.Extract(ctx, propagation.MapCarrier(e.Extensions))
			opts = append(opts, trace.WithLinks(trace.LinkFromContext(ctx)))
		}
		row, _ := rules.EventType(string(e.Type))
		each[i], out[i] = d.tracer.Start(in, "take "+row.Name, opts...)
		observe.Tell(out[i], row.Name, e.Synthetic, row.Registered(e.Tags))
		if e.Synthetic { // the request's own was begun before that was known
			trace.SpanFromContext(ctx).SetAttributes(observe.Keep.Bool(true))
		}
	}
	return observe.WithEach(ctx, each), out
}

func (s spans) end(n int, placed kafka.Placed) {
	if s == nil {
		return
	}
	if placed.Err != nil {
		s[n].SetStatus(codes.Error, "not committed")
	}
	s[n].End()
}

// validTrace says whether a text is a W3C traceparent.
func validTrace(text string) bool {
	ctx := w3c.Extract(context.Background(), propagation.MapCarrier{"traceparent": text})
	return trace.SpanContextFromContext(ctx).IsValid()
}
