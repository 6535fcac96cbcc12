package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"payerflow/events"
	"payerflow/internal/observe"
	"payerflow/topologies"
)

// TestHopsOfARecord: a sampled record has a span, as has the row that it makes;
// another one has none, unless it is synthetic or parked, and then it stays in
// its trace.
func TestHopsOfARecord(t *testing.T) {
	c := newCluster(t)
	spans := tracetest.NewInMemoryExporter()
	cfg := c.config(t.TempDir())
	cfg.Traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans), sdktrace.WithSampler(sdktrace.AlwaysSample()))
	traced := func(n int, flags string, r *kgo.Record) *kgo.Record {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: observe.HeaderTrace, Value: fmt.Appendf(nil, "00-%032x-00f067aa0ba902b7-%s", n, flags)})
		return r
	}
	claim := func(id string) *kgo.Record {
		return record(c, topologies.ClaimSubmitted, submitted(events.ID("canary-"+id)))
	}
	bad := claim("bad")
	bad.Value = []byte("canary: no Avro")
	made := claim("made")
	made.Headers = append(made.Headers, kgo.RecordHeader{Key: "ce_synthetic", Value: []byte("true")})
	c.produce(traced(1, "01", claim("sampled")), traced(2, "00", claim("not")), traced(3, "00", bad), traced(4, "00", made), claim("none"))
	e, stop := c.startWith(cfg, folding())
	for _, id := range []string{"sampled", "not", "none", "made"} {
		eventually(t, "the row", func() bool { _, err := e.Get("claim-status", "canary-"+id, id == "made"); return err == nil })
	}
	eventually(t, "the dead letter", func() bool { return strings.Contains(fmt.Sprint(spans.GetSpans()), "BAD_FRAME") })
	stop()
	got := map[string]map[string]string{} // by trace and name
	for _, s := range spans.GetSpans() {
		if strings.Contains(fmt.Sprint(s), "canary") {
			t.Error("a key or a body shows")
		}
		if s.Name == "batch" {
			continue
		}
		n := strings.TrimLeft(s.SpanContext.TraceID().String(), "0")
		if got[n] == nil {
			got[n] = map[string]string{}
		}
		if got[n][s.Name] = s.Status.Description; !strings.Contains(fmt.Sprint(s.Attributes), "committed") {
			t.Errorf("%s does not say what came of it", s.Name)
		}
	}
	const process, view, entries = "process claims.claim.submitted", "view claim-status", "send claims-by-member.v1-claims-consumer-entries"
	for n, want := range map[string][]string{"1": {process, view, entries}, "3": {process}, "4": {process, view, entries}} {
		for _, name := range want {
			if _, there := got[n][name]; !there {
				t.Errorf("trace %s lacks %s: %q", n, name, got[n])
			}
		}
		delete(got, n)
	}
	if len(got) > 0 {
		t.Errorf("traces that nobody follows: %q", got)
	}
}
