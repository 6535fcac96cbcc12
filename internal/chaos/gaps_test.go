//go:build chaos

package chaos

import (
	"slices"
	"testing"
	"time"
)

// gaps measures, for each partition, the longest time between two receipts as
// a reader of committed records sees them, while do runs.
func gaps(t *testing.T, f *fleet, c *checker, do func()) []time.Duration {
	t.Helper()
	must(t, c.catchUp(t.Context()))
	last, longest := make([]time.Time, partitions), make([]time.Duration, partitions)
	now := time.Now()
	for p := range last {
		last[p] = now
	}
	c.arrived = func(p int32, at time.Time) {
		longest[p] = max(longest[p], at.Sub(last[p]))
		last[p] = at
	}
	done := make(chan struct{})
	go func() {
		defer close(done) // also where do ends the test
		do()
	}()
	for {
		f := c.client.PollFetches(t.Context())
		f.EachRecord(c.take)
		select {
		case <-done:
			c.arrived = nil
			return longest
		default:
		}
	}
}

func (f *fleet) report(what string, gaps []time.Duration, goal time.Duration) {
	f.t.Helper()
	f.say("%s: longest gap of a partition %v, of each %v (goal %v, session timeout %v)", what, slices.Max(gaps).Round(10*time.Millisecond), rounded(gaps), goal, sessionTimeout)
	if most := slices.Max(gaps); most > goal {
		f.t.Errorf("%s: a partition stood still for %v, goal %v", what, most.Round(10*time.Millisecond), goal)
	}
}

func rounded(ds []time.Duration) (out []time.Duration) {
	for _, d := range ds {
		out = append(out, d.Round(10*time.Millisecond))
	}
	return out
}

// TestTakeOver measures how long partitions stand still: through a rolling
// restart of four workers, and after a kill -9 of one that does not come back.
// With standbys every worker follows every partition, on the two cores that all
// four share with the broker: then it takes longer, and no goal is set for it.
func TestTakeOver(t *testing.T) {
	t.Run("without standbys", func(t *testing.T) { takeOver(t, true, time.Second, 2*time.Second, 15*time.Second) })
	t.Run("with standbys", func(t *testing.T) { takeOver(t, false, time.Minute, time.Minute, time.Minute) })
}

func takeOver(t *testing.T, noStandby bool, steadyGoal, rollingGoal, killGoal time.Duration) {
	brokers, _ := brokersOf(t)
	f := newFleet(t, brokers, 4)
	f.base.NoStandby = noStandby
	d := drive(t, brokers, nil)
	c, err := newChecker(brokers, f.outside)
	must(t, err)
	t.Cleanup(c.client.Close)
	f.startAll()
	f.awaitReady(60 * time.Second)
	d.start(accountsCount)
	steady := gaps(t, f, c, func() { <-time.After(3 * time.Second) })
	f.report("steady", steady, steadyGoal)
	f.report("rolling restart of four", gaps(t, f, c, func() {
		for _, w := range f.workers {
			w.stop()
			w.start()
			f.awaitReady(30 * time.Second)
		}
	}), rollingGoal)
	f.report("kill -9 of one of four", gaps(t, f, c, func() {
		f.workers[1].kill()
		<-time.After(sessionTimeout + 8*time.Second)
	}), killGoal)
	d.stop(t)
	exact(t, c, 30*time.Second)
	f.stopAll()
}
