package engine_test

import (
	"context"
	"testing"
	"time"

	"payerflow/internal/engine"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// TestACopyIsAsOldAsWhatIsYetToBeRepartitioned: nobody is there who would
// repartition a record, so that all that is in the repartition topic is folded.
func TestACopyIsAsOldAsWhatIsYetToBeRepartitioned(t *testing.T) {
	c := newCluster(t)
	_, stop := c.start(t.TempDir(), folding())
	copied := c.follow(folding())
	eventually(t, "fresh copies", func() bool { return copied.Ready() == nil })
	of := func(view string, partition int32) time.Time { // what the copy is known to hold is of then, or later
		r, err := copied.Read(context.Background(), topology.Question{View: view, Partition: partition, Keys: []string{"none"}, Staleness: time.Hour})
		if err != nil {
			t.Fatal(view, err)
		}
		return time.Now().Add(-r.Copy.Age)
	}
	stop()
	late := record(c, topologies.ClaimPaid, paid("late"))
	partition := topology.Partition(late.Key, topologies.ClaimStatus.Declare().Table.Partitions)
	produced := time.Now()
	c.produce(late)
	for range 4 { // rounds in which copies were looked at
		before := of("sla", 0)
		eventually(t, "a round", func() bool {
			at := of("sla", 0)
			return at.After(produced) && at.Sub(before) > 500*time.Millisecond
		})
	}
	if of("claim-status", partition).After(produced) {
		t.Error("a copy is said to hold what nobody has repartitioned")
	}
	c.start(t.TempDir(), folding())
	eventually(t, "it is folded", func() bool { return of("claim-status", partition).After(produced) })
}

// follow runs a replica until the test ends.
func (c *cluster) follow(groups []topology.Declared) *engine.Engine {
	c.t.Helper()
	return c.followWith(c.config(c.t.TempDir()), groups)
}

func (c *cluster) followWith(cfg engine.Config, groups []topology.Declared) *engine.Engine {
	c.t.Helper()
	cfg.Follows = true
	e, err := engine.Open(cfg, groups, c.schemas)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Follow(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
		if err := e.Close(); err != nil {
			c.t.Error(err)
		}
	})
	return e
}
