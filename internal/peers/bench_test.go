package peers_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"payerflow/internal/peers"
)

// BenchmarkPointReads reads one row from its owner, and by a hop, one reader and
// 32: with the CPU seconds of both workers and the broker, which are in this
// process.
func BenchmarkPointReads(b *testing.B) {
	c := newCluster(b)
	owner := c.start(b.TempDir(), false, peers.Options{})
	all := some(1000)
	c.produce(all...)
	eventually(b, "all rows", func() bool { return owner.has(all) })
	replica := c.start(b.TempDir(), true, peers.Options{})
	eventually(b, "all rows by a hop", func() bool { return replica.has(all) })
	for _, c := range []struct {
		name    string
		w       *worker
		readers int
	}{{"owner", owner, 1}, {"owner32", owner, 32}, {"hop", replica, 1}, {"hop32", replica, 32}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			before := cpu(b)
			took := reads(b, c.w, all, c.readers)
			b.ReportMetric((cpu(b)-before).Seconds()*1e6/float64(len(took)), "cpu-s/M")
			slices.Sort(took)
			for _, q := range []int{50, 99} {
				b.ReportMetric(float64(took[len(took)*q/100].Microseconds()), fmt.Sprintf("p%d-µs", q))
			}
		})
	}
}

// reads has so many readers share b.N reads, and says how long each took.
func reads(b *testing.B, w *worker, keys []string, readers int) []time.Duration {
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				began := time.Now()
				if _, err := w.Get(context.Background(), "claim-status", keys[int(i)%len(keys)], false); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	wg.Wait()
	return took
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
