//go:build chaos

package main

import (
	"os"
	"testing"
	"time"
)

const (
	// fleetHandOver is how long partitions may be away whose worker says that it
	// ends, and fleetTakeOver those of one that says nothing, after its session:
	// the goals of docs/chaos.md. A read that waits for them comes up to
	// fleetAsk later.
	fleetHandOver = 2 * time.Second
	fleetTakeOver = 5 * time.Second
)

// oneByOne has one worker after the other suffer one thing, while all others are
// well, and says for how long each partition was not answered for, beside the
// engine's bound. Only a machine that has nothing else to do can be held to
// that: BOUNDS=1 fails where it is not kept.
func (f *fleet) oneByOne(t *testing.T, readers []*fleetReader) {
	for i, one := range []struct {
		does, undoes fleetDeed
		away, bound  time.Duration
	}{
		{fleetTerm, fleetStart, 0, fleetHandOver},
		{fleetStop, fleetGoOn, 3 * time.Second, 3*time.Second + fleetHandOver},
		{fleetStop, fleetGoOn, fleetSession + 4*time.Second, fleetSession + fleetTakeOver},
		{fleetKill, fleetStart, fleetSession + 4*time.Second, fleetSession + fleetTakeOver},
	} {
		n := f.nodes[i%fleetWorkers]
		began := time.Now()
		n.suffers(t, one.does)
		<-time.After(one.away)
		n.suffers(t, one.undoes)
		f.awaitReady(t)
		longest, line := gaps(readers, began, time.Now())
		t.Logf("%s of %s for %v, bound %v; longest time without an answer, by partition: %s", one.does, n.name, one.away, one.bound, line)
		if os.Getenv("BOUNDS") == "1" && longest > one.bound+fleetAsk {
			t.Errorf("%s: a partition was away for %v", one.does, longest)
		}
	}
}
