package export

import (
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"payerflow/internal/observe"
)

// sampler decides when a span begins. A trace that was decided about stays as it
// was decided, but for what must be kept. The first span of a process is always
// recorded: whether it fails is known at its end, and then it is exported.
type sampler struct{ ratio sdktrace.Sampler }

func newSampler(ratio float64) sampler { return sampler{sdktrace.TraceIDRatioBased(ratio)} }

// ShouldSample is sdktrace.Sampler.
func (s sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	decision := sdktrace.Drop
	switch {
	case parent.IsSampled(), mustKeep(p):
		decision = sdktrace.RecordAndSample
	case !parent.IsValid():
		if decision = s.ratio.ShouldSample(p).Decision; decision == sdktrace.Drop {
			decision = sdktrace.RecordOnly
		}
	case parent.IsRemote():
		decision = sdktrace.RecordOnly
	}
	return sdktrace.SamplingResult{Decision: decision, Tracestate: parent.TraceState()}
}

// mustKeep says whether a span is of a synthetic event, or begins with an error.
func mustKeep(p sdktrace.SamplingParameters) bool {
	for _, a := range p.Attributes {
		if (a.Key == observe.Keep || a.Key == observe.Synthetic) && a.Value.AsBool() {
			return true
		}
	}
	return false
}

// Description is sdktrace.Sampler.
func (s sampler) Description() string {
	return fmt.Sprintf("errors, synthetic events, else %s", s.ratio.Description())
}
