package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/engine"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

var table = topologies.ClaimStatus.Declare().Table.Name

// changelog is a table's topic that the test writes, and a replica beside it.
type changelog struct {
	*cluster
	e  *engine.Engine
	tx *kgo.Client
	n  int // records so far
}

func newChangelog(t testing.TB) *changelog {
	t.Helper()
	c := newCluster(t)
	e := c.follow([]topology.Declared{topologies.ClaimStatus.Declare()})
	tx, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID("test"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tx.Close)
	eventually(t, "the table is known", func() bool { return e.Incarnation("claim-status") != "" })
	return &changelog{cluster: c, e: e, tx: tx}
}

// transact writes a value for each key in one transaction, and returns the
// states that it makes: none where it is aborted.
func (c *changelog) transact(t *rapid.T, partition int32, commit bool, keys ...string) (states []topology.State) {
	must(t, c.tx.BeginTransaction())
	for _, key := range keys {
		c.n++
		r := &kgo.Record{Topic: table, Partition: partition, Key: []byte(key), Value: []byte(strconv.Itoa(c.n))}
		must(t, c.tx.ProduceSync(context.Background(), r).FirstErr())
		if commit {
			states = append(states, topology.State{Offset: r.Offset, Stored: topology.Stored{Key: key, Value: r.Value}})
		}
	}
	must(t, c.tx.EndTransaction(context.Background(), kgo.TransactionEndTry(commit)))
	return states
}

func must(t interface{ Fatal(...any) }, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func (c *changelog) watch(t interface{ Fatal(...any) }, partition int32, key string, from int64) topology.Watching {
	w, err := c.e.Watch(context.Background(), topology.Watch{View: "claim-status", Partition: partition, Key: key, From: from, Incarnation: c.e.Incarnation("claim-status")})
	must(t, err)
	return w
}

// takes gathers n states, or those before an error.
func takes(t interface{ Fatalf(string, ...any) }, w topology.Watching, n int) (states []topology.State, next int64, err error) {
	limit := time.After(30 * time.Second)
	for {
		var more []topology.State
		more, next, err = w.Take()
		if states = append(states, more...); err != nil && len(more) == 0 || len(states) >= n {
			return states, next, err
		}
		if len(more) > 0 {
			continue
		}
		select {
		case <-w.Ready():
		case <-limit:
			t.Fatalf("%d of %d states", len(states), n)
		}
	}
}

// TestAWatchTellsWhatIsCommitted begins watches anywhere in a log of committed
// and aborted transactions, before and after they are written: each is told
// every committed state from there on, in order, and nothing else.
func TestAWatchTellsWhatIsCommitted(t *testing.T) {
	c := newChangelog(t)
	partitions := int32(topologies.ClaimStatus.Declare().Table.Partitions)
	logs, checks := make([][]topology.State, partitions), int32(0)
	rapid.Check(t, func(t *rapid.T) {
		p := checks % partitions // those of the first round nobody has watched yet
		checks++
		write := func(most int) {
			for range rapid.IntRange(1, most).Draw(t, "transactions") {
				keys := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 4).Draw(t, "of")
				logs[p] = append(logs[p], c.transact(t, p, rapid.Bool().Draw(t, "commit"), keys...)...)
			}
		}
		write(8)
		from := int64(0)
		if all := logs[p]; len(all) > 0 {
			from = rapid.Int64Range(0, all[len(all)-1].Offset).Draw(t, "from")
		}
		w := c.watch(t, p, "a", from)
		defer w.Close()
		write(3)
		logs[p] = append(logs[p], c.transact(t, p, true, "a")...)
		var want []topology.State
		for _, s := range logs[p] {
			if s.Key == "a" && s.Offset >= from {
				want = append(want, s)
			}
		}
		got, next, err := takes(t, w, len(want))
		if err != nil || len(got) != len(want) || next <= want[len(want)-1].Offset {
			t.Fatalf("told %d of %d states up to %d, %v", len(got), len(want), next, err)
		}
		for i := range got {
			if got[i].Offset != want[i].Offset || string(got[i].Value) != string(want[i].Value) {
				t.Fatalf("state %d", i)
			}
		}
	})
}

// TestASlowWatcherIsCut takes nothing while more is committed than waits for
// one; another that takes has all. What was queued is told, and the rest from
// there on.
func TestASlowWatcherIsCut(t *testing.T) {
	c := newChangelog(t)
	slow, quick := c.watch(t, 0, "a", 0), c.watch(t, 0, "a", 0)
	defer slow.Close()
	defer quick.Close()
	const n = 1500
	rapid.Check(t, func(t *rapid.T) {
		if c.n > 0 {
			return
		}
		for c.n < n {
			c.transact(t, 0, true, slices.Repeat([]string{"a"}, 50)...)
			if states, _, err := takes(t, quick, 50); len(states) < 50 || err != nil {
				t.Fatalf("%d states, %v", len(states), err)
			}
		}
	})
	var got []topology.State
	cuts := 0
	for w, next := slow, int64(0); len(got) < n; cuts++ {
		states, at, err := takes(t, w, n-len(got))
		if got = append(got, states...); len(got) == n {
			break
		}
		if !errors.Is(err, topology.ErrBehind) || len(states) == 0 || at <= next {
			t.Fatalf("%d states up to %d: %v", len(states), at, err)
		}
		next = at
		w = c.watch(t, 0, "a", next)
		defer w.Close()
	}
	if cuts < 1 || len(got) != n {
		t.Errorf("%d states, cut %d times", len(got), cuts)
	}
	for i, s := range got {
		if string(s.Value) != strconv.Itoa(i+1) {
			t.Fatalf("state %d is %s", i+1, s.Value)
		}
	}
}

func TestWhatCannotBeWatched(t *testing.T) {
	c := newChangelog(t)
	for want, q := range map[error]topology.Watch{
		topology.ErrNoView:     {View: "none"},
		topology.ErrNoPosition: {View: "claim-status", Incarnation: "another"},
	} {
		if _, err := c.e.Watch(t.Context(), q); !errors.Is(err, want) {
			t.Errorf("%v", err)
		}
	}
	if _, err := c.e.Watch(t.Context(), topology.Watch{View: "claim-status", Partition: 10000}); !errors.Is(err, topology.ErrNoView) {
		t.Errorf("%v", err)
	}
}

// BenchmarkWatchers folds claims while so many watch them, of whom none takes
// anything: CPU seconds are of the process, broker and all.
func BenchmarkWatchers(b *testing.B) {
	for _, watchers := range []int{0, 10000} {
		b.Run(strconv.Itoa(watchers), func(b *testing.B) {
			c := newCluster(b)
			e, _ := c.start(b.TempDir(), folding())
			eventually(b, "partitions", func() bool { return e.Ready() == nil && e.Incarnation("claim-status") != "" })
			claims := topologies.ClaimStatus.Declare().Table.Partitions
			for n := range watchers {
				key := fmt.Sprintf("claim-%08d", n%1000)
				w, err := e.Watch(b.Context(), topology.Watch{View: "claim-status", Partition: topology.Partition([]byte(key), claims), Key: key, Incarnation: e.Incarnation("claim-status")})
				if err != nil {
					b.Fatal(err)
				}
				defer w.Close()
			}
			rs := make([]*kgo.Record, b.N)
			for i := range rs {
				s := submitted(events.ID(fmt.Sprintf("claim-%08d", i)))
				rs[i] = record(c, topologies.ClaimSubmitted, s)
			}
			last := fmt.Sprintf("claim-%08d", b.N-1)
			b.ResetTimer()
			began, cpu := time.Now(), cpuSeconds()
			c.produce(rs...)
			eventually(b, "all claims", func() bool { _, err := e.Get("claim-status", last, false); return err == nil })
			eventually(b, "fresh", func() bool { return e.Ready() == nil })
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "events/s")
			b.ReportMetric((cpuSeconds()-cpu)/float64(b.N)*1e6, "CPU-s/M")
		})
	}
}

// BenchmarkHandOver is what it takes to hand a state over to all who watch a row.
func BenchmarkHandOver(b *testing.B) {
	c := newChangelog(b)
	for range 10000 {
		w := c.watch(b, 0, "a", 0)
		defer w.Close()
	}
	last := c.watch(b, 0, "a", 0)
	defer last.Close()
	b.ResetTimer()
	for range b.N {
		c.produce(&kgo.Record{Topic: table, Partition: 0, Key: []byte("a"), Value: []byte("v")})
		if _, _, err := takes(b, last, 1); err != nil {
			b.Fatal(err)
		}
	}
}
