package engine_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/tables"
	"payerflow/topologies"
)

// BenchmarkWorker folds b.N claims, each submitted and paid, with the whole
// worker on an in-memory broker in the same process. CPU seconds are of the
// process: broker, load and worker together.
func BenchmarkWorker(b *testing.B) {
	c := newCluster(b)
	claims := max(b.N, 1)
	for i := range claims {
		id := events.ID(fmt.Sprintf("claim-%08d", i))
		for _, r := range []*kgo.Record{record(c, topologies.ClaimSubmitted, submitted(id)), record(c, topologies.ClaimPaid, paid(id))} {
			c.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
				if err != nil {
					b.Error(err)
				}
			})
		}
	}
	if err := c.client.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	last := fmt.Sprintf("claim-%08d", claims-1)
	b.ResetTimer()
	began, cpu := time.Now(), cpuSeconds()
	e, _ := c.start(b.TempDir(), folding())
	eventually(b, "all claims are paid", func() bool {
		a, err := e.Get("claim-status", last, false)
		return err == nil && a.Row.(tables.ClaimStatus).Status == tables.ClaimPaid && e.Ready() == nil
	})
	n := float64(2 * claims)
	b.ReportMetric(n/time.Since(began).Seconds(), "events/s")
	b.ReportMetric((cpuSeconds()-cpu)/n*1e6, "CPU-s/M")
}

func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}
