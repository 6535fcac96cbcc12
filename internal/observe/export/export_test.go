package export_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"payerflow/internal/observe"
	"payerflow/internal/observe/export"
)

// took is a collector that speaks OTLP over gRPC.
type took struct {
	collector.UnimplementedTraceServiceServer
	mu    sync.Mutex
	names []string
}

func (c *took) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range r.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				c.names = append(c.names, s.Name)
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// TestWhatIsKept: with nothing sampled, errors and synthetic events still are, at
// the spans that know; and what a sender sampled.
func TestWhatIsKept(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, s := &took{}, grpc.NewServer()
	collector.RegisterTraceServiceServer(s, c)
	go func() { _ = s.Serve(ln) }()
	defer s.Stop()
	p, err := export.Open(t.Context(), export.Options{Protocol: "grpc", Endpoint: "http://" + ln.Addr().String(), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	tracer := p.Tracer("test")
	remote := func(flags trace.TraceFlags) context.Context {
		return trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: flags}))
	}
	fail := func(s trace.Span) { s.SetStatus(codes.Error, "failed") }
	none := func(trace.Span) {}
	for _, span := range []struct {
		name string
		ctx  context.Context
		opts []trace.SpanStartOption
		do   func(trace.Span)
	}{
		{"of nobody's interest", t.Context(), nil, none},
		{"that fails", t.Context(), nil, fail},
		{"not sampled by its sender", remote(0), nil, none},
		{"not sampled by its sender that fails", remote(0), nil, fail},
		{"sampled by its sender", remote(trace.FlagsSampled), nil, none},
		{"synthetic", remote(0), []trace.SpanStartOption{trace.WithAttributes(observe.Synthetic.Bool(true))}, none},
		{"real", remote(0), []trace.SpanStartOption{trace.WithAttributes(observe.Synthetic.Bool(false))}, none},
		{"found out later", t.Context(), nil, func(s trace.Span) { s.SetAttributes(observe.Keep.Bool(true)) }},
	} {
		_, s := tracer.Start(span.ctx, span.name, span.opts...)
		span.do(s)
		s.End()
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(c.names)
	want := []string{"found out later", "not sampled by its sender that fails", "sampled by its sender", "synthetic", "that fails"}
	if fmt.Sprint(c.names) != fmt.Sprint(want) {
		t.Errorf("kept %q, want %q", c.names, want)
	}
}

// TestOpenRefuses what nothing can be sent to.
func TestOpenRefuses(t *testing.T) {
	for _, o := range []export.Options{{Protocol: "grpc", Endpoint: "nowhere"}, {Protocol: "http", Endpoint: "https://h", CA: t.TempDir() + "/none.pem"}} {
		if p, err := export.Open(t.Context(), o); err == nil {
			t.Error(errors.Join(p.Shutdown(t.Context()), fmt.Errorf("%+v is taken", o)))
		}
	}
}
