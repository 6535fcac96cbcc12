package observe

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kotel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Attributes of spans that are ours; the others are OpenTelemetry's own.
const (
	EventType = attribute.Key("payerflow.event.type")
	Synthetic = attribute.Key("payerflow.synthetic")
	Tags      = attribute.Key("payerflow.tags")
	Tag       = attribute.Key("payerflow.tag") // of an event of the span, one for each tag: backends find equal texts
	Outcome   = attribute.Key("payerflow.outcome")
	View      = attribute.Key("payerflow.view")
	Keep      = attribute.Key("payerflow.keep") // the span is exported, whatever was decided when its trace began
)

// HeaderTrace is the record header that carries a trace on.
const HeaderTrace = "traceparent"

var w3c propagation.TraceContext

// Parse reads a traceparent; the context is not valid where it is none.
func Parse(text string) trace.SpanContext {
	return trace.SpanContextFromContext(w3c.Extract(context.Background(), propagation.MapCarrier{HeaderTrace: text}))
}

// Text is the traceparent of a span.
func Text(c trace.SpanContext) string {
	to := propagation.MapCarrier{}
	w3c.Inject(trace.ContextWithSpanContext(context.Background(), c), to)
	return to[HeaderTrace]
}

// Sampled says whether a traceparent asks for spans, without reading it all: it
// is asked of every record.
func Sampled(traceparent []byte) bool {
	const length = len("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	return len(traceparent) == length && traceparent[length-1]&1 == 1
}

// maxTags bounds the tags of one span.
const maxTags = 32

// Tell puts what an event is onto a span: its type, whether it is synthetic, and
// tags. Type and tags must be registered ones: others may be anything.
func Tell(s trace.Span, eventType string, synthetic bool, tags []string) {
	if !s.IsRecording() {
		return
	}
	tags = tags[:min(len(tags), maxTags)]
	s.SetAttributes(EventType.String(eventType), Synthetic.Bool(synthetic), Tags.StringSlice(tags))
	for _, tag := range tags {
		s.AddEvent("tag", trace.WithAttributes(Tag.String(tag)))
	}
}

type eachKey struct{}

// WithEach says for each of several records which context it is sent in.
func WithEach(ctx context.Context, each []context.Context) context.Context {
	return context.WithValue(ctx, eachKey{}, each)
}

// Each is the context of record number i, ctx itself where there is none.
func Each(ctx context.Context, i int) context.Context {
	if each, _ := ctx.Value(eachKey{}).([]context.Context); i < len(each) && each[i] != nil {
		return each[i]
	}
	return ctx
}

var errNoKeys = errors.New("keys are not shown")

// Producing gives a producer's records a span each, from when a record is handed
// over until it is acknowledged, and its traceparent. A nil provider gives none.
func Producing(p trace.TracerProvider) kgo.Opt {
	if p == nil {
		return kgo.WithHooks()
	}
	return kgo.WithHooks(kotel.NewTracer(kotel.TracerProvider(p), kotel.TracerPropagator(w3c), kotel.KeyFormatter(func(*kgo.Record) (string, error) { return "", errNoKeys })))
}
