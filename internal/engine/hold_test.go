package engine_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// away is a codec whose registry is not there for one claim, while away says so.
type away struct {
	plain[events.ClaimSubmitted]
	claim events.ID
	away  *atomic.Bool
	asked *atomic.Int32
}

func (c away) Bind(topology.Schemas, string) (topology.Serde[events.ClaimSubmitted], error) {
	return c, nil
}

func (c away) Decode(b []byte) (events.ClaimSubmitted, error) {
	e, err := c.plain.Decode(b)
	if err == nil && e.ClaimID == c.claim && c.away.Load() {
		c.asked.Add(1)
		return e, fmt.Errorf("registry: %w", topology.ErrUnavailable)
	}
	return e, err
}

// TestAnAbsentDependencyHoldsUpOnePartition folds two claims of two partitions
// while the registry is away for one, and then is there again.
func TestAnAbsentDependencyHoldsUpOnePartition(t *testing.T) {
	c := newCluster(t)
	codec := away{claim: "held", away: &atomic.Bool{}, asked: &atomic.Int32{}}
	codec.away.Store(true)
	in := topologies.ClaimSubmitted
	in.Codec = codec
	g := topology.Group[tally]{Name: "held.v1-test-consumer", Rows: plain[tally]{}, View: topology.View{Name: "held", Key: "claimId"},
		Inputs: topology.Inputs[tally]{topology.Fold(in, count[events.ClaimSubmitted])}}
	group := g.Declare()
	c.create(group.Topics()...)
	e, _ := c.start(t.TempDir(), []topology.Declared{group})
	n := func(key string) int {
		a, err := e.Get("held", key, false)
		if err != nil {
			return 0
		}
		return a.Row.(tally).N
	}
	c.produce(record(c, in, submitted("held")), record(c, in, submitted("held")))
	eventually(t, "a record that is asked for again and again", func() bool { return codec.asked.Load() > 2 })
	free := 0
	eventually(t, "another partition that goes on", func() bool {
		c.produce(record(c, in, submitted("free")))
		free++
		return n("free") > 0
	})
	if n("held") != 0 {
		t.Error("a record took effect that could not be read")
	}
	codec.away.Store(false)
	eventually(t, "both partitions", func() bool { return n("held") == 2 && n("free") == free })
	if s := e.Status().Groups[0]; s.Restarts != 0 {
		t.Errorf("rebuilt %d times", s.Restarts)
	}
}

// unwritable is a codec of rows that cannot be written while away says so.
type unwritable struct {
	plain[reminder]
	away  *atomic.Bool
	asked *atomic.Int32
}

func (c unwritable) Bind(topology.Schemas, string) (topology.Serde[reminder], error) { return c, nil }

func (c unwritable) Encode(r reminder) ([]byte, error) {
	if c.away.Load() {
		c.asked.Add(1)
		return nil, fmt.Errorf("registry: %w", topology.ErrUnavailable)
	}
	return c.plain.Encode(r)
}

// TestTicksWaitForRowsThatCannotBeWritten: a row is due while it cannot be
// written. The worker tries again after a while, and not without a pause.
func TestTicksWaitForRowsThatCannotBeWritten(t *testing.T) {
	c := newCluster(t)
	codec := unwritable{away: &atomic.Bool{}, asked: &atomic.Int32{}}
	g := reminds
	g.Name, g.Rows, g.Outputs, g.Inputs = "unwritable.v1-test-consumer", codec, nil, g.Inputs[:1]
	g.Timer.Wake = func(row reminder, _ topology.Waking) (reminder, []topology.Output) {
		row.Due, row.Woken = time.Time{}, row.Woken+1
		return row, nil
	}
	group := g.Declare()
	c.create(group.Topics()...)
	e, _ := c.start(t.TempDir(), []topology.Declared{group})
	eventually(t, "a worker that is ready", func() bool { return e.Ready() == nil })
	soon := submitted("soon")
	soon.SubmittedAt = events.InstantOf(time.Now().Add(-time.Hour + 4*time.Second)) // there before it is due
	c.produce(record(c, topologies.ClaimSubmitted, soon))
	woken := func() int {
		a, err := e.Get("reminders", "soon", false)
		if err != nil {
			return -1
		}
		return a.Row.(reminder).Woken
	}
	eventually(t, "the row", func() bool { return woken() == 0 })
	codec.away.Store(true)
	eventually(t, "the first try", func() bool { return codec.asked.Load() > 0 })
	began := time.Now()
	eventually(t, "three more", func() bool { return codec.asked.Load() > 3 })
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("three more tries within %v", took)
	}
	codec.away.Store(false)
	eventually(t, "the row that was woken once", func() bool { return woken() == 1 })
}
