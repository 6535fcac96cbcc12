package sim

import (
	"flag"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	seeds = flag.Uint64("seeds", 500, "how many seeds are run, from 1 on")
	seed  = flag.Uint64("seed", 0, "the one seed that is run, 0: many")
)

// TestSeeds runs many seeds, some at a time, or tells all that one does.
func TestSeeds(t *testing.T) {
	if *seed > 0 {
		if err := Run(*seed, func(line string) { t.Log(line) }); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, f := range search(*seeds) {
		t.Errorf("seed %d: %v\nagain, with all that was done: make sim SEED=%d", f.seed, f.err, f.seed)
	}
}

type failure struct {
	seed uint64
	err  error
}

// search runs the seeds from 1 on, and returns the first few that fail.
func search(seeds uint64) (failed []failure) {
	const enough = 3
	var next atomic.Uint64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for n := next.Add(1); n <= seeds; n = next.Add(1) {
				err := Run(n, nil)
				mu.Lock()
				if err != nil {
					failed = append(failed, failure{n, err})
				}
				over := len(failed) >= enough
				mu.Unlock()
				if over {
					return
				}
			}
		})
	}
	wg.Wait()
	slices.SortFunc(failed, func(a, b failure) int { return int(a.seed) - int(b.seed) })
	return failed
}

// TestASeedIsARun: nothing but the seed decides.
func TestASeedIsARun(t *testing.T) {
	for n := uint64(15); n <= 22; n++ {
		var first, second strings.Builder
		_ = Run(n, func(line string) { first.WriteString(line + "\n") })
		_ = Run(n, func(line string) { second.WriteString(line + "\n") })
		if first.String() != second.String() {
			t.Fatalf("seed %d is not the same run twice", n)
		}
		for _, secret := range []string{"kkk", "CLAIM_", "memberId", "pa0"} {
			if strings.Contains(first.String(), secret) {
				t.Fatalf("the trace of seed %d holds a key or a body", n)
			}
		}
	}
}
