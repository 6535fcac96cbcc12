package engine_test

import (
	"fmt"
	"sync/atomic"
	"testing"

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
