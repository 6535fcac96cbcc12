package peers_test

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"payerflow/internal/peers"
)

// BenchmarkPointReads reads one row from its owner, and by a hop: with the CPU
// seconds of both workers and the broker, which are in this process.
func BenchmarkPointReads(b *testing.B) {
	c := newCluster(b)
	owner := c.start(b.TempDir(), false, peers.Options{})
	all := some(1000)
	c.produce(all...)
	eventually(b, "all rows", func() bool { return owner.has(all) })
	replica := c.start(b.TempDir(), true, peers.Options{})
	eventually(b, "all rows by a hop", func() bool { return replica.has(all) })
	for name, w := range map[string]*worker{"owner": owner, "hop": replica} {
		b.Run(name, func(b *testing.B) {
			took := make([]time.Duration, 0, b.N)
			before := cpu(b)
			for i := 0; b.Loop(); i++ {
				began := time.Now()
				if _, err := w.Get(context.Background(), "claim-status", all[i%len(all)], false); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			b.ReportMetric((cpu(b)-before).Seconds()*1e6/float64(len(took)), "cpu-s/M")
			slices.Sort(took)
			for _, q := range []int{50, 99} {
				b.ReportMetric(float64(took[len(took)*q/100].Microseconds()), fmt.Sprintf("p%d-µs", q))
			}
		})
	}
}

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
