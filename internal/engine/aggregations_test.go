package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

// BenchmarkAggregations folds b.N facts of 10,000 keys into windows, or into
// waits, with the group alone on an in-memory broker in the same process. CPU
// seconds are of the process, the broker's included.
func BenchmarkAggregations(b *testing.B) {
	hour := time.Hour.Microseconds()
	for name, plan := range map[string]events.AggregationPlan{
		"tumbling": {Kind: tables.AggregateWindow, Shape: tables.ShapeTumbling, Size: hour, Every: hour},
		"hopping":  {Kind: tables.AggregateWindow, Shape: tables.ShapeHopping, Size: hour, Every: hour / 6},
		"absence":  {Kind: tables.AggregateAbsence, Within: 24 * hour, Before: 24 * hour},
	} {
		plan.Steps, plan.Output, plan.Lateness, plan.Classes = []string{"a", "b"}, "Some-Output-Type", hour, []string{}
		plan.Values = []events.AggregationNumber{{Name: "total", Do: tables.DoSum}, {Name: "p95", Do: tables.DoPercentile, Percentile: 95}}
		b.Run(name, func(b *testing.B) { benchAggregations(b, plan) })
	}
}

func benchAggregations(b *testing.B, plan events.AggregationPlan) {
	c := newCluster(b)
	group := topologies.Aggregations.Declare()
	now := events.InstantOf(time.Now())
	for i := range b.N {
		m := events.AggregationMatched{Aggregation: "care/bench", Version: 1, Plan: plan, Group: events.ID(fmt.Sprint("key-", i%10_000)), Step: int32(i / 10_000 % 2), ID: fmt.Sprint("event-", i), At: now + events.Instant(i), MatchedAt: now + events.Instant(i),
			Values: []events.Text{"144.00", "12.5"}, Tags: []string{}, TransactionID: "tx"}
		m.Key = events.AggregationKey(m.Aggregation, m.Version, m.Group)
		c.client.Produce(context.Background(), record(c, topologies.AggregationMatched, m), func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	if err := c.client.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	began, cpu := time.Now(), cpuSeconds()
	cfg := c.config(b.TempDir())
	cfg.BatchInterval = 100 * time.Millisecond
	e, _ := c.startWith(cfg, []topology.Declared{group})
	deadline := time.NewTimer(5 * time.Minute)
	defer deadline.Stop()
	for tick := time.NewTicker(10 * time.Millisecond); e.Ready() != nil; { // the worker commits by itself
		select {
		case <-deadline.C:
			b.Fatal("not folded within 5 minutes")
		case <-tick.C:
		}
	}
	n := float64(b.N)
	b.ReportMetric(n/time.Since(began).Seconds(), "events/s")
	b.ReportMetric((cpuSeconds()-cpu)/n*1e6, "CPU-s/M")
}
