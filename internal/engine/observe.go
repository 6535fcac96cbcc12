package engine

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// clientMetrics are the counters of the client that reads and writes for a
// group: requests, bytes, errors by broker.
func (cfg Config) clientMetrics(group string) kgo.Opt {
	if cfg.Metrics == nil {
		return kgo.WithHooks()
	}
	reg := replacing{prometheus.WrapRegistererWith(prometheus.Labels{"group": group}, cfg.Metrics)}
	return kgo.WithHooks(kprom.NewMetrics("payerflow_kafka", kprom.Registerer(reg)))
}

// replacing lets the collectors of a run take the place of those of a run that
// was cut short and never took them back.
type replacing struct{ prometheus.Registerer }

func (r replacing) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		err := r.Register(c)
		if known := (prometheus.AlreadyRegisteredError{}); errors.As(err, &known) {
			r.Unregister(known.ExistingCollector)
			err = r.Register(c)
		}
		if err != nil {
			panic(err)
		}
	}
}

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
