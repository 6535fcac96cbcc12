package engine_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/engine"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

const nextName = "claim-status.v0-claims-consumer"

// nextClaims is the view of claims and a next version of it, alike.
func nextClaims() []topology.Declared {
	next := topologies.ClaimStatus
	next.Name, next.Shadows = nextName, topologies.ClaimStatus.Name
	return []topology.Declared{topologies.ClaimStatus.Declare(), next.Declare()}
}

// BenchmarkReplay folds b.N claims, each submitted and paid, into a next version
// beside the live one, at 2,000 a second for a while and then as fast as it
// can, while the live one is read; and before that reads the same records
// without folding them. CPU seconds are of the process: broker,
// worker and reader together.
func BenchmarkReplay(b *testing.B) {
	c := newCluster(b)
	for _, d := range nextClaims()[1:] {
		c.create(d.Topics()...)
	}
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
	n := float64(2 * claims)
	began, cpu := time.Now(), cpuSeconds()
	c.readRaw(int(n))
	rawPace, rawCPU := n/time.Since(began).Seconds(), (cpuSeconds()-cpu)/n*1e6

	e, _ := c.start(b.TempDir(), nextClaims())
	r, err := engine.OpenReplay(c.brokers, nextClaims(), "bench", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.Close)
	folded := func(group string) bool { s := statusIn(b, r, group); return s.All > 0 && s.Lag == 0 }
	eventually(b, "the live version to fold all", func() bool { return e.Ready() == nil && folded(topologies.ClaimStatus.Name) })
	seconds := func(d time.Duration) func(time.Time) bool {
		return func(since time.Time) bool { return time.Since(since) > d }
	}
	idle := latencies(b, e, claims, seconds(3*time.Second))
	if err := r.Start(context.Background(), nextName, 2000, false); err != nil {
		b.Fatal(err)
	}
	paced := latencies(b, e, claims, seconds(4*time.Second))
	left := float64(max(1, statusIn(b, r, nextName).Lag))
	b.ResetTimer()
	began, cpu = time.Now(), cpuSeconds()
	if err := r.Resume(context.Background(), nextName, 0); err != nil {
		b.Fatal(err)
	}
	asked := time.Time{}
	full := latencies(b, e, claims, func(time.Time) bool {
		if time.Since(asked) < 100*time.Millisecond {
			return false
		}
		asked = time.Now()
		return folded(nextName)
	})
	b.ReportMetric(left/time.Since(began).Seconds(), "events/s")
	b.ReportMetric((cpuSeconds()-cpu)/left*1e6, "CPU-s/M")
	b.ReportMetric(rawPace, "raw-events/s")
	b.ReportMetric(rawCPU, "raw-CPU-s/M")
	for name, at := range map[string][]time.Duration{"idle": idle, "paced": paced, "full": full} {
		b.ReportMetric(float64(at[len(at)/2].Microseconds()), name+"-p50-µs")
		b.ReportMetric(float64(at[len(at)*99/100].Microseconds()), name+"-p99-µs")
	}
}

func statusIn(t testing.TB, r *engine.Replay, group string) engine.VersionStatus {
	all, err := r.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return all[slices.IndexFunc(all, func(s engine.VersionStatus) bool { return s.Group == group })]
}

// latencies reads rows, a thousand a second, until done says so, and tells how
// long each took, sorted.
func latencies(t testing.TB, e *engine.Engine, claims int, done func(since time.Time) bool) (took []time.Duration) {
	began := time.Now()
	for i := 0; i == 0 || !done(began); i++ {
		at := time.Now()
		if _, err := e.Get("claim-status", fmt.Sprintf("claim-%08d", i*7919%claims), false); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(at))
		time.Sleep(time.Millisecond)
	}
	slices.Sort(took)
	return took
}

// readRaw reads records of both topics and does nothing with them.
func (c *cluster) readRaw(n int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumeTopics(topologies.ClaimSubmitted.Topic.Name, topologies.ClaimPaid.Topic.Name),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		c.t.Fatal(err)
	}
	defer client.Close()
	for n > 0 {
		fetches := client.PollFetches(context.Background())
		if err := fetches.Err(); err != nil {
			c.t.Fatal(err)
		}
		n -= fetches.NumRecords()
	}
}
