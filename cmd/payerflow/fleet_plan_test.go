//go:build chaos

package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// fleetBlow is one thing that is done to a node.
type fleetBlow struct {
	at   time.Duration
	on   int
	does fleetDeed
}

type fleetDeed string

const (
	fleetTerm  fleetDeed = "SIGTERM"
	fleetKill  fleetDeed = "kill -9"
	fleetStart fleetDeed = "start"
	fleetStop  fleetDeed = "SIGSTOP"
	fleetGoOn  fleetDeed = "SIGCONT"
)

func (b fleetBlow) String() string {
	return fmt.Sprintf("%5.1fs node %d: %s", b.at.Seconds(), b.on+1, b.does)
}

// fleetPlan is what happens to nodes within a time; the same for the same seed.
// Half of the stops are longer than a session. Nothing happens to a node while
// it is away, nor in the three seconds after.
func fleetPlan(seed uint64, within time.Duration) (blows []fleetBlow) {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable is what it must be
	between := func(low, high time.Duration) time.Duration { return low + time.Duration(r.Int64N(int64(high-low))) }
	free := make([]time.Duration, fleetWorkers+fleetReplicas)
	type pair struct {
		does, undoes fleetDeed
		low, high    time.Duration
	}
	var deck []pair // so that a short run has every kind
	for at := between(time.Second, 3*time.Second); at < within; at += between(time.Second, 4*time.Second) {
		on := r.IntN(len(free))
		if free[on] > at {
			continue
		}
		if len(deck) == 0 {
			term, kill := pair{fleetTerm, fleetStart, 0, 2 * time.Second}, pair{fleetKill, fleetStart, 0, 3 * time.Second}
			short, long := pair{fleetStop, fleetGoOn, time.Second, 4 * time.Second}, pair{fleetStop, fleetGoOn, fleetSession + time.Second, fleetSession + 5*time.Second}
			deck = append(deck, term, kill, kill, short, long, long)
			r.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		p := deck[0]
		deck = deck[1:]
		away := between(p.low, p.high)
		blows = append(blows, fleetBlow{at, on, p.does}, fleetBlow{at + away, on, p.undoes})
		free[on] = at + away + 3*time.Second
	}
	slices.SortStableFunc(blows, func(a, b fleetBlow) int { return cmp.Compare(a.at, b.at) })
	return blows
}
