//go:build chaos

package chaos

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTheCheckerObjects kills a worker that makes one of the mistakes that the
// engine exists to avoid, just before Kafka commits, and restarts it. Without a
// mistake, the checker has nothing to say; with one, it must.
func TestTheCheckerObjects(t *testing.T) {
	for _, c := range []struct {
		name    string
		mistake order
	}{
		{"no mistake", order{}},
		{"rows are stored before the commit", order{StoreFirst: true}},
		{"offsets are committed by the highest mark", order{CommitFirst: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, d, check := pair(t, 1)
			w := f.workers[0]
			f.base.StoreFirst, f.base.CommitFirst, f.base.DieBeforeCommit = c.mistake.StoreFirst, c.mistake.CommitFirst, 20
			w.start()
			w.spared.Store(false) // it is its own end
			f.awaitReady(30 * time.Second)
			d.start(accountsCount)
			<-w.exited
			d.stop(t)
			f.base.StoreFirst, f.base.CommitFirst, f.base.DieBeforeCommit = false, false, 0
			w.start()
			f.awaitReady(30 * time.Second)
			if !c.mistake.StoreFirst && !c.mistake.CommitFirst {
				exact(t, check, 10*time.Second)
				return
			}
			for until := time.Now().Add(3 * time.Second); time.Now().Before(until); {
				must(t, check.catchUp(t.Context()))
				if len(check.verify()) == 0 {
					t.Fatal("no objection")
				}
			}
			f.say("%s: %s", c.name, strings.Join(check.verify(), "; "))
		})
	}
}

// TestRecoveryNeedsMarkers restores without transaction markers: the worker
// never gets ready. With them, it does.
func TestRecoveryNeedsMarkers(t *testing.T) {
	f, d, check := pair(t, 2)
	first, second := f.workers[0], f.workers[1]
	first.start()
	eventually(t, 20*time.Second, "ready", func() bool { return first.said.Load() == ready })
	d.start(accountsCount)
	eventually(t, 20*time.Second, "a thousand inputs", func() bool { return d.acked.Load() > 1000 })
	d.stop(t)
	exact(t, check, 20*time.Second)
	first.stop()

	f.base.HideMarkers = true
	second.start()
	select {
	case <-time.After(8 * time.Second):
	case <-second.exited:
	}
	if second.said.Load() == ready {
		t.Error("ready without having seen the end of its changelog")
	}
	second.kill()
	f.base.HideMarkers = false
	second.start()
	eventually(t, 20*time.Second, "ready with markers", func() bool { return second.said.Load() == ready })
}

// TestDiskFull fills the disk of a worker: it stops saying that it is ready
// within five seconds, ends with an error, and restores when there is room.
func TestDiskFull(t *testing.T) {
	f, d, check := pair(t, 1)
	w := f.workers[0]
	small(t, w.dir)
	w.start()
	f.awaitReady(30 * time.Second)
	d.start(accountsCount)
	w.spared.Store(false)
	full := fill(t, w.dir)
	noticed := time.Now()
	eventually(t, 5*time.Second, "not ready, or ended", func() bool { return w.said.Load() != ready || !w.alive() })
	f.say("full disk noticed after %.1f s", time.Since(noticed).Seconds())
	select {
	case <-w.exited:
		if w.err == nil {
			t.Error("it has ended with exit code 0")
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on with a full disk")
		w.signal(unix.SIGKILL)
		<-w.exited
	}
	full()
	w.start()
	f.awaitReady(30 * time.Second)
	d.stop(t)
	exact(t, check, 30*time.Second)
}

// pair is workers, none started, on an embedded broker, with a driver and a
// checker.
func pair(t *testing.T, n int) (*fleet, *driver, *checker) {
	t.Helper()
	brokers := embeddedBroker(t)
	d := drive(t, brokers, nil)
	f := newFleet(t, brokers, n)
	c, err := newChecker(brokers, f.outside)
	must(t, err)
	t.Cleanup(c.client.Close)
	return f, d, c
}
