package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"payerflow/internal/engine"
	"payerflow/topologies"
)

// TestWhatIsObservedHoldsNoKey runs two lives of a worker on one registry and
// one tracer, and looks through all that they said.
func TestWhatIsObservedHoldsNoKey(t *testing.T) {
	const canary = "canary-claim-4711"
	c := newCluster(t)
	spans := tracetest.NewInMemoryExporter()
	metrics := prometheus.NewRegistry()
	cfg := c.config(t.TempDir())
	cfg.Metrics, cfg.Traces = metrics, sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	c.produce(record(c, topologies.ClaimSubmitted, submitted(canary)))
	e, err := engine.Open(cfg, folding(), c.schemas)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // an engine may run again: its clients and their counters are new
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		eventually(t, "the row", func() bool { _, err := e.Get("claim-status", canary, false); return err == nil })
		gathered, err := metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprint(gathered, spans.GetSpans())
		if strings.Contains(said, canary) {
			t.Error("a key shows")
		}
		for _, want := range []string{"payerflow_kafka_connects_total", "payerflow_records_total", "payerflow_transactions_total",
			"payerflow_transaction_fold_seconds", "payerflow_group_lag_seconds", "payerflow_table_rows", "payerflow_table_bytes", "payerflow_group_running", "payerflow_view_unknown"} {
			if !strings.Contains(said, want) {
				t.Errorf("no %s", want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, s := range spans.GetSpans() {
		found = found || s.Name == "batch" && strings.Contains(fmt.Sprint(s.Attributes), "committed")
	}
	if !found {
		t.Errorf("no span of a committed batch among %d", len(spans.GetSpans()))
	}
}
