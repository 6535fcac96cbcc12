package export

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"payerflow/internal/observe"
)

// keeping exports what was sampled, and of what was only recorded the spans that
// ended with an error or are to be kept.
type keeping struct{ next sdktrace.SpanProcessor }

func (k keeping) OnStart(ctx context.Context, s sdktrace.ReadWriteSpan) { k.next.OnStart(ctx, s) }
func (k keeping) Shutdown(ctx context.Context) error                    { return k.next.Shutdown(ctx) }
func (k keeping) ForceFlush(ctx context.Context) error                  { return k.next.ForceFlush(ctx) }

// OnEnd is sdktrace.SpanProcessor.
func (k keeping) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.SpanContext().IsSampled() {
		k.next.OnEnd(s)
	} else if s.Status().Code == codes.Error || isKept(s) {
		k.next.OnEnd(kept{s})
	}
}

func isKept(s sdktrace.ReadOnlySpan) bool {
	for _, a := range s.Attributes() {
		if a.Key == observe.Keep && a.Value.AsBool() {
			return true
		}
	}
	return false
}

// kept is a span that is exported though it was not sampled.
type kept struct{ sdktrace.ReadOnlySpan }

// SpanContext says that it is sampled.
func (k kept) SpanContext() trace.SpanContext {
	c := k.ReadOnlySpan.SpanContext()
	return c.WithTraceFlags(c.TraceFlags().WithSampled(true))
}
