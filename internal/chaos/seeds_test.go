//go:build chaos

package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestSeedsOfTheEngine is make sim-engine: short runs of the engine itself on
// the embedded broker. A seed decides how many workers there are and what is
// done to which of them, in which order; SEED runs one, SEEDS so many.
func TestSeedsOfTheEngine(t *testing.T) {
	number := func(name string, otherwise uint64) uint64 {
		s := os.Getenv(name)
		if s == "" {
			return otherwise
		}
		n, err := strconv.ParseUint(s, 10, 64)
		must(t, err)
		return n
	}
	first, count := number("SEED", 1), number("SEEDS", 200)
	if os.Getenv("SEED") != "" {
		count = 1
	}
	for seed := first; seed < first+count; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("again: make sim-engine SEED=%d", seed)
				}
			})
			bySeed(t, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

// beforeCommit is a kill when all of a batch is produced and nothing committed.
const beforeCommit kind = "kill -9 between the batch and Kafka's commit"

// seedAccounts is few, so that most batches change rows that others have.
const seedAccounts = 20

func bySeed(t *testing.T, r *rand.Rand) {
	f, d, c := pair(t, 1+r.IntN(3))
	f.startAll()
	if r.IntN(3) > 0 { // else they are struck while they start
		f.awaitReady(60 * time.Second)
	}
	d.start(seedAccounts)
	for range 2 + r.IntN(4) {
		<-time.After(time.Duration(r.IntN(600)) * time.Millisecond)
		w := f.workers[r.IntN(len(f.workers))]
		switch away := time.Duration(r.IntN(800)) * time.Millisecond; r.IntN(5) {
		case 0:
			w.strike(blow{kind: kill9, away: away})
		case 1:
			w.strike(blow{kind: halfCommit, away: away})
		case 2:
			w.strike(blow{kind: sigterm, away: away})
		case 3:
			w.strike(blow{kind: zombie, away: away})
		case 4:
			w.dieBeforeCommit(1 + r.Int64N(20))
		}
	}
	d.stop(t)
	f.startAll()
	exact(t, c, 90*time.Second)
	if len(c.inputs) == 0 {
		t.Error("void: there was nothing to fold")
	}
	f.stopAll()
	closed(t, c)
	exact(t, c, 20*time.Second)
}

// dieBeforeCommit starts a worker anew that dies at the commit of its nth batch
// that changes rows, or where it has none, soon.
func (w *worker) dieBeforeCommit(nth int64) {
	w.f.say("%s: %s", w.name, beforeCommit)
	w.up()
	w.kill()
	w.f.base.DieBeforeCommit = nth
	w.start()
	w.spared.Store(false)
	w.f.base.DieBeforeCommit = 0
	select {
	case <-w.exited:
	case <-time.After(halfWithin):
		w.kill()
	}
	w.start()
}
