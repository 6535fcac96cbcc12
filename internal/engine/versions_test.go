package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"payerflow/internal/engine"
	"payerflow/internal/topology"
	"payerflow/internal/versions"
)

func (c *cluster) replay() *engine.Replay {
	c.t.Helper()
	r, err := engine.OpenReplay(c.brokers, bothBells(), "tester", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(r.Close)
	return r
}

func key(n int) string { return fmt.Sprintf("bell-%d", n%bellKeys) }

// strike produces strokes n to m, every third of them muffled.
func (c *cluster) strike(n, m int) {
	c.t.Helper()
	for ; n < m; n++ {
		s := strike{Key: key(n), N: n, At: time.Now().UTC()}
		if n%3 == 0 {
			c.produce(record(c, muffles, muffled{s}))
		} else {
			c.produce(record(c, strokes, struck{s}))
		}
	}
}

// rung are the outputs, by who wrote them.
type rung struct {
	strokes map[int]string // of each stroke
	last    map[string]int // of each key and deadline: how often
	twice   []string
}

func (c *cluster) rung() rung {
	out := rung{map[int]string{}, map[string]int{}, nil}
	for _, r := range c.readToEnd(rings.Topic.Name) {
		var e rang
		if err := json.Unmarshal(r.Value, &e); err != nil {
			c.t.Fatal(err)
		}
		if e.Last {
			id := fmt.Sprintf("%s due %d", e.Key, e.N)
			if out.last[id]++; out.last[id] > 1 {
				out.twice = append(out.twice, id+" by "+e.By)
			}
			continue
		}
		if by := out.strokes[e.N]; by != "" {
			out.twice = append(out.twice, fmt.Sprintf("stroke %d by %s and %s", e.N, by, e.By))
		}
		out.strokes[e.N] = e.By
	}
	return out
}

func stateOf(t *testing.T, r *engine.Replay, group string) engine.VersionStatus {
	t.Helper()
	all, err := r.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Group == group {
			return s
		}
	}
	t.Fatalf("no status of %s in %+v", group, all)
	return engine.VersionStatus{}
}

func refusedAs(t *testing.T, err error, code string) {
	t.Helper()
	var refused *engine.RefusedError
	if !errors.As(err, &refused) || refused.Code != code {
		t.Fatalf("got %v, want it refused as %s", err, code)
	}
}

// TestShadowIsQuiet: the next version folds from the beginning when it is
// started, and nothing that it emits goes out, its timers' neither.
func TestShadowIsQuiet(t *testing.T) {
	c := newCluster(t)
	c.createBells()
	const n = 60
	c.strike(0, n)
	e, _ := c.start(t.TempDir(), bothBells())
	eventually(t, "ready", func() bool { return e.Ready() == nil })
	r := c.replay()
	refusedAs(t, r.Switch(t.Context(), bellsTwo), engine.NotRunning)
	refusedAs(t, r.Start(t.Context(), bellsOne, 0, false), engine.NoVersion)
	if s := stateOf(t, r, bellsTwo); s.State != "not started" {
		t.Errorf("the shadow is %s before it is started", s.State)
	}
	if err := r.Start(t.Context(), bellsTwo, 500, false); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, r.Start(t.Context(), bellsTwo, 0, false), engine.AlreadyRuns)
	c.produce(record(c, strokes, struck{strike{Key: key(1), N: -1, At: time.Now().UTC()}})) // the second version parks it
	eventually(t, "the shadow to fold all", func() bool { s := stateOf(t, r, bellsTwo); return s.All > 0 && s.Lag == 0 })
	eventually(t, "every stroke to ring, and every bell a last time", func() bool {
		got := c.rung()
		return len(got.strokes) == n+1 && len(got.last) >= bellKeys
	})
	got := c.rung()
	if len(got.twice) > 0 || len(got.strokes) != n+1 {
		t.Errorf("%d strokes rang, twice: %v", len(got.strokes), got.twice)
	}
	for stroke, by := range got.strokes {
		if by != "1" {
			t.Errorf("stroke %d rang by version %s", stroke, by)
		}
	}
	eventually(t, "a dead letter of the shadow's own", func() bool { return stateOf(t, r, bellsTwo).Parked > 0 })
	if dead := c.held(strokes.Topic.DLQ().Name); dead != 0 {
		t.Errorf("%d records in the stream's dead letter topic", dead)
	}
	a, err := e.Get("bells", key(1), false)
	if err != nil || a.Row.(bell).Version != 1 {
		t.Errorf("read %+v, %v; want the first version", a.Row, err)
	}
	d, err := r.Diff(t.Context(), bellsTwo, c.schemas, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	if d.Different != bellKeys || d.Fields["version"] != bellKeys || d.Fields["n"] != 1 || d.Equal+d.Missing+d.Extra != 0 ||
		len(d.OnlyLive) != 0 || len(d.OnlyNext) != 1 || d.OnlyNext[0] != "twice" {
		t.Errorf("the versions differ in %+v", d)
	}
	if err := r.Drop(t.Context(), bellsTwo, false); err != nil {
		t.Fatal(err)
	}
	if s := stateOf(t, r, bellsTwo); s.State != "dropped" {
		t.Errorf("it is %s after the drop", s.State)
	}
}

// reader reads rows through two workers in turn, as one client.
type reader struct {
	t       *testing.T
	engines []*engine.Engine
	version int
	n       map[string]int
	reads   int
}

func (r *reader) read(i int) {
	for _, e := range r.engines {
		a, err := e.Get("bells", key(i), false)
		if err != nil { // elsewhere, switching, or not there yet
			continue
		}
		row := a.Row.(bell)
		if row.Version < r.version {
			r.t.Errorf("read %d of version %d after version %d", i, row.Version, r.version)
		}
		if row.N < r.n[key(i)] {
			r.t.Errorf("%d strokes of a bell after %d", row.N, r.n[key(i)])
		}
		r.version, r.n[key(i)] = row.Version, row.N
		r.reads++
	}
}

// TestSwitchUnderLoad switches there and back while bells are struck and read
// through two workers: each stroke rings once, whichever version rang it.
func TestSwitchUnderLoad(t *testing.T) {
	c := newCluster(t)
	c.createBells()
	first, _ := c.start(t.TempDir(), bothBells())
	second, _ := c.start(t.TempDir(), bothBells())
	c.strike(0, 50)
	eventually(t, "both ready", func() bool { return first.Ready() == nil && second.Ready() == nil })
	r := c.replay()
	if err := r.Start(t.Context(), bellsTwo, 0, false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the shadow to fold all", func() bool { s := stateOf(t, r, bellsTwo); return s.All > 0 && s.Lag == 0 })

	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	struckUpTo := 50
	load.Go(func() {
		for ctx.Err() == nil {
			c.strike(struckUpTo, struckUpTo+1)
			struckUpTo++
		}
	})
	reads := &reader{t: t, engines: []*engine.Engine{first, second}, n: map[string]int{}}
	load.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			reads.read(i)
		}
	})
	seen := func(version string) func() bool {
		return func() bool {
			for _, by := range c.rung().strokes {
				if by == version {
					return true
				}
			}
			return false
		}
	}
	eventually(t, "strokes by the first version", seen("1"))
	if err := r.Switch(t.Context(), bellsTwo); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, r.Drop(t.Context(), bellsTwo, false), engine.IsLive)
	eventually(t, "strokes by the second version", seen("2"))
	eventually(t, "the second version to be read", func() bool {
		a, err := first.Get("bells", key(1), false)
		if errors.Is(err, topology.ErrElsewhere) {
			a, err = second.Get("bells", key(1), false)
		}
		return err == nil && a.Row.(bell).Version == 2
	})
	stop()
	load.Wait()
	if reads.version != 2 || reads.reads == 0 {
		t.Errorf("%d reads, the last of version %d", reads.reads, reads.version)
	}
	c.onceEach(r, struckUpTo)

	if err := r.Back(t.Context(), bellsTwo); err != nil {
		t.Fatal(err)
	}
	c.strike(struckUpTo, struckUpTo+30)
	got := c.onceEach(r, struckUpTo+30)
	for n := struckUpTo; n < struckUpTo+30; n++ {
		if got.strokes[n] != "1" {
			t.Errorf("stroke %d rang by version %q after the way back", n, got.strokes[n])
		}
	}
	if err := r.Drop(t.Context(), bellsTwo, true); err != nil {
		t.Fatal(err)
	}
	c.strike(struckUpTo+30, struckUpTo+40)
	c.onceEach(r, struckUpTo+40)
}

// onceEach waits until all versions have folded all, and compares what rang.
func (c *cluster) onceEach(r *engine.Replay, strokes int) rung {
	c.t.Helper()
	t := c.t.(*testing.T)
	eventually(t, "all versions to fold all", func() bool {
		all, err := r.Status(t.Context())
		lag := int64(0)
		for _, s := range all {
			lag += s.Lag
		}
		return err == nil && lag == 0
	})
	got := c.rung()
	if len(got.twice) > 0 {
		t.Errorf("rang twice: %v", got.twice)
	}
	for n := range strokes {
		if got.strokes[n] == "" {
			t.Errorf("stroke %d never rang", n)
		}
	}
	return got
}

// TestSwitchIsRefusedByName: a worker that lacks the version is in the way, and
// so is one that does not answer; nothing is left prepared.
func TestSwitchIsRefusedByName(t *testing.T) {
	c := newCluster(t)
	c.createBells()
	c.strike(0, 20)
	old, stop := c.start(t.TempDir(), bothBells()[:1])
	e, _ := c.start(t.TempDir(), bothBells())
	eventually(t, "both ready", func() bool { return e.Ready() == nil && old.Ready() == nil })
	r := c.replay()
	if err := r.Start(t.Context(), bellsTwo, 0, false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the shadow to fold all", func() bool { s := stateOf(t, r, bellsTwo); return s.All > 0 && s.Lag == 0 })
	err := r.Switch(t.Context(), bellsTwo)
	refusedAs(t, err, engine.Blocked)
	if id := old.Self(); !strings.Contains(err.Error(), id) || strings.Contains(err.Error(), e.Self()) {
		t.Errorf("%v; want it to name %s alone", err, id)
	}
	stop()
	eventually(t, "the switch when that worker has left", func() bool { return r.Switch(t.Context(), bellsTwo) == nil })
}

// TestPreparedSwitchIsGivenUp: whoever switches is gone after it has prepared.
// Workers stand still, give it up and go on as before; a decision that comes
// later is none.
func TestPreparedSwitchIsGivenUp(t *testing.T) {
	c := newCluster(t)
	c.createBells()
	c.strike(0, 20)
	e, _ := c.start(t.TempDir(), bothBells())
	eventually(t, "ready", func() bool { return e.Ready() == nil })
	r := c.replay()
	if err := r.Start(t.Context(), bellsTwo, 0, false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the shadow to fold all", func() bool { s := stateOf(t, r, bellsTwo); return s.All > 0 && s.Lag == 0 })
	c.sayVersions(versions.Record{Kind: versions.Prepared, View: "bells", Group: bellsTwo, From: bellsOne, ID: "gone", At: time.Now()})
	eventually(t, "readers to be held", func() bool {
		_, err := e.Get("bells", key(1), false)
		return errors.Is(err, topology.ErrSwitching)
	})
	c.strike(20, 40)
	refusedAs(t, r.Switch(t.Context(), bellsTwo), engine.Overtaken)
	c.onceEach(r, 40)
	c.sayVersions(versions.Record{Kind: versions.Switched, View: "bells", Group: bellsTwo, ID: "gone", At: time.Now()})
	if s := stateOf(t, r, bellsOne); s.State != "live" || len(s.Handed) > 0 {
		t.Errorf("the first version is %s, handed over %d times", s.State, len(s.Handed))
	}
	eventually(t, "a row of the first version", func() bool {
		a, err := e.Get("bells", key(1), false)
		return err == nil && a.Row.(bell).Version == 1
	})
}
