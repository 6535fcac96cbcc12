package engine

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"payerflow/internal/observe"
)

// counted counts what a client of this engine does.
func (cfg Config) counted(client string) kgo.Opt { return observe.Client(cfg.Metrics, client) }

func (cfg Config) tracer() trace.Tracer {
	p := cfg.Traces
	if p == nil {
		p = noop.NewTracerProvider()
	}
	return p.Tracer("payerflow/internal/engine")
}

// span is the trace of one batch, from its beginning to what came of it. It
// names the group and counts; it never holds a key.
type span struct{ trace.Span }

func (e *Engine) span(group string) span {
	_, s := e.tracer.Start(context.Background(), "batch", trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.String("messaging.system", "kafka"), attribute.String("messaging.consumer.group.name", group)))
	return span{s}
}

func (s span) end(records int, outcome string) {
	s.SetAttributes(attribute.Int("messaging.batch.message_count", records), attribute.String("payerflow.outcome", outcome))
	if outcome != committed {
		s.SetStatus(codes.Error, outcome)
	}
	s.End()
}

// Outcomes of a batch.
const (
	committed = "committed"
	aborted   = "aborted"
)
