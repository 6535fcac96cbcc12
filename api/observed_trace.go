package api

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"payerflow/internal/observe"
	"payerflow/internal/topology"
)

func tracerOf(p trace.TracerProvider) trace.Tracer {
	if p == nil {
		p = noop.NewTracerProvider()
	}
	return p.Tracer("payerflow/api")
}

// begin begins the span of a request, in the trace that its sender is in. Paths
// and queries hold keys: the span has the route alone, once it is known. Probes
// have none.
func (o *observed) begin(r *http.Request) (context.Context, trace.Span) {
	if !o.traced || openPaths[r.URL.Path] {
		return r.Context(), noop.Span{}
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	return o.tracer.Start(ctx, methodOf(r), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("http.request.method", methodOf(r))))
}

func finish(s trace.Span, r *http.Request, route string, status int) {
	if s.IsRecording() {
		s.SetName(methodOf(r) + " " + route)
		s.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			s.SetStatus(codes.Error, "")
		}
	}
	s.End()
}

// told begins the span of a state that is handed to a watcher, in the trace of
// what made it; nil where nobody follows that.
func (x *watching) told(s topology.State) trace.Span {
	if s.Trace == "" {
		return nil
	}
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), observe.Parse(s.Trace))
	_, span := x.s.watches.tracer.Start(ctx, "watch "+x.v.Name, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(observe.View.String(x.v.Name)),
		trace.WithLinks(trace.LinkFromContext(x.base)))
	return span
}
