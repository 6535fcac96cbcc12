package peers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"payerflow/internal/peers"
	"payerflow/internal/topology"
)

// reader asks any node, and holds each answer to the one before.
type reader struct {
	t      *testing.T
	nodes  []*atomic.Pointer[worker]
	stale  bool // it allows copies, and sends the last position
	seen   map[string]int
	place  map[string]topology.Position
	reads  int
	copies int
	away   map[int32]time.Duration // the longest that a partition did not answer
	since  map[int32]time.Time
}

func (r *reader) read(claim string) {
	allow := topology.Allowance{}
	if r.stale {
		bound := time.Minute
		allow.Staleness, allow.Wait = &bound, 2*time.Second
		if at, ok := r.place[claim]; ok {
			allow.AtLeast = []topology.Position{at}
		}
	}
	n := r.nodes[rand.IntN(len(r.nodes))].Load()
	a, err := n.Get(topology.Allow(context.Background(), allow), "claim-status", claim, false)
	p := topology.Partition([]byte(claim), 12)
	if err != nil {
		if r.since[p].IsZero() {
			r.since[p] = time.Now()
		}
		return
	}
	if began := r.since[p]; !began.IsZero() {
		r.away[p], r.since[p] = max(r.away[p], time.Since(began)), time.Time{}
	}
	r.reads++
	if a.Replica {
		r.copies++
	}
	if a.Replica && !r.stale {
		r.t.Error("a copy answered who did not allow it")
	}
	if got := payments(a); got < r.seen[claim] {
		r.t.Errorf("a row went back from %d to %d payments (copies allowed: %v, a copy: %v)", r.seen[claim], got, r.stale, a.Replica)
	} else {
		r.seen[claim] = got
	}
	r.place[claim] = topology.Position{Topic: n.table(), Partition: a.Partition, Offset: a.Changelog}
}

// lag is how many records are still to be folded, when last compared.
func lag(w *worker) (n int64) {
	for _, g := range w.engine.Status().Groups {
		for _, in := range g.Inputs {
			n += in.Lag
		}
	}
	return n
}

func (w *worker) table() string { return w.Views.Views()[0].Table }

// TestNoRowGoesBack has clients read through any of three workers and a
// replica, while rows change, workers are stopped and started one after the
// other, and one is cut off from the brokers and goes on answering.
func TestNoRowGoesBack(t *testing.T) {
	c := newCluster(t)
	const claims = 24
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()}
	nodes := make([]*atomic.Pointer[worker], 4)
	start := func(i int) {
		nodes[i].Store(c.start(dirs[i], i == 3, peers.Options{Timeout: 500 * time.Millisecond}))
	}
	for i := range nodes {
		nodes[i] = &atomic.Pointer[worker]{}
		start(i)
	}
	for i := range claims {
		c.pay(fmt.Sprintf("claim-%d", i), 0)
	}
	eventually(t, "three workers", func() bool {
		return owned(nodes[0].Load()) == 4 && owned(nodes[1].Load()) == 4 && owned(nodes[2].Load()) == 4 && nodes[0].Load().has(some(claims))
	})
	over := make(chan struct{})
	end := sync.OnceFunc(func() { close(over) })
	var running sync.WaitGroup
	t.Cleanup(func() { // also where it fails half-way
		end()
		running.Wait()
	})
	var written atomic.Int64
	written.Store(1)
	quiet := atomic.Bool{}
	running.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			if quiet.Load() {
				continue
			}
			for i := range claims {
				c.pay(fmt.Sprintf("claim-%d", i), int(written.Load()))
			}
			written.Add(1)
		}
	})
	readers := make([]*reader, 4)
	for i := range readers {
		r := &reader{t: t, nodes: nodes, stale: i%2 == 1, seen: map[string]int{}, place: map[string]topology.Position{}, away: map[int32]time.Duration{}, since: map[int32]time.Time{}}
		readers[i] = r
		running.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
					r.read(fmt.Sprintf("claim-%d", n%claims))
				}
			}
		})
	}
	for i := range 3 { // a rolling restart
		nodes[i].Load().stop()
		start(i)
		eventually(t, "the worker's share again", func() bool { return owned(nodes[i].Load()) == 4 && nodes[i].Load().Ready() == nil })
	}
	zombie := nodes[1].Load()
	quiet.Store(true) // with a batch under way it would notice
	eventually(t, "nothing is under way", func() bool { return zombie.engine.Status().Groups[0].State == "running" && lag(zombie) == 0 })
	cutAt := int(written.Load())
	zombie.wire.sever()
	t.Cleanup(zombie.wire.mend)
	eventually(t, "the others have its partitions", func() bool { return owned(nodes[0].Load()) == 6 && owned(nodes[2].Load()) == 6 })
	quiet.Store(false)
	eventually(t, "rows that it has not seen", func() bool {
		for n := range claims {
			a, err := nodes[0].Load().Get(context.Background(), "claim-status", fmt.Sprintf("claim-%d", n), false)
			if err != nil || a.Row.Because().Count <= cutAt {
				return false
			}
		}
		return true
	})
	zombie.wire.mend()
	eventually(t, "it is back", func() bool {
		return owned(nodes[0].Load()) == 4 && owned(nodes[1].Load()) == 4 && owned(nodes[2].Load()) == 4
	})
	end()
	running.Wait()
	for i, r := range readers {
		longest := time.Duration(0)
		for _, d := range r.away {
			longest = max(longest, d)
		}
		t.Logf("reader %d, copies allowed: %v: %d answers, %d of copies; a partition was away for %s at most", i, r.stale, r.reads, r.copies, longest.Round(time.Millisecond))
		if r.reads == 0 {
			t.Error("nothing was read")
		}
	}
	for i := range nodes {
		eventually(t, "all that was written, in every row", func() bool {
			for n := range claims {
				a, err := nodes[i].Load().Get(context.Background(), "claim-status", fmt.Sprintf("claim-%d", n), false)
				if err != nil || a.Row.Because().Count != int(written.Load()) {
					return false
				}
			}
			return true
		})
	}
}
