package engine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/engine"
	"payerflow/topologies"
)

// TestStandbysFollowAndTakeOver stops one of two workers: the other has had its
// rows all along, has not served them, and now does.
func TestStandbysFollowAndTakeOver(t *testing.T) {
	c := newCluster(t)
	c.standby = true
	a, stop := c.start(t.TempDir(), folding())
	b, _ := c.start(t.TempDir(), folding())
	const claims = 60
	for i := range claims {
		c.produce(record(c, topologies.ClaimSubmitted, submitted(events.ID(fmt.Sprintf("claim-%d", i)))))
	}
	served := func(e *engine.Engine) (n int) {
		for i := range claims {
			if _, err := e.Get("claim-status", fmt.Sprintf("claim-%d", i), false); err == nil {
				n++
			}
		}
		return n
	}
	followed := func(e *engine.Engine) (rows, standbys int) {
		if t := e.Status().Groups[0].Table; t != nil {
			for _, p := range t.Partitions {
				rows += p.Rows
				if p.Standby {
					standbys++
				}
			}
		}
		return rows, standbys
	}
	eventually(t, "two workers that each serve a part and follow all", func() bool {
		rowsA, standbysA := followed(a)
		rowsB, standbysB := followed(b)
		return served(a) > 0 && served(b) > 0 && served(a)+served(b) == claims && rowsA == claims && rowsB == claims && standbysA+standbysB == 12
	})
	stop()
	eventually(t, "all rows from the one that is left", func() bool { _, standbys := followed(b); return served(b) == claims && standbys == 0 })
}

// TestStandbysHoldNobodyUp leaves a transaction open in one partition of the
// table while a worker joins: whoever folds that partition waits for it, and
// those that merely follow it do not.
func TestStandbysHoldNobodyUp(t *testing.T) {
	c := newCluster(t)
	c.standby = true
	var workers []*engine.Engine
	join := func() {
		e, _ := c.start(t.TempDir(), folding())
		workers = append(workers, e)
	}
	group := topologies.ClaimStatus.Declare()
	topics := len(group.Vias())
	for _, in := range group.Inputs {
		if !in.Whole {
			topics++
		}
	}
	all := topics * group.Table.Partitions
	running := func() (n int) {
		for _, e := range workers {
			if g := e.Status().Groups[0]; g.State == "running" && len(g.Inputs) == all/len(workers) {
				n++
			}
		}
		return n
	}
	join()
	join()
	eventually(t, "two workers", func() bool { return running() == 2 })
	stranger, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.TransactionalID("stranger"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if err := stranger.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	open := &kgo.Record{Topic: topologies.ClaimStatus.TableOf().Topic.Name, Partition: 3, Key: []byte("nobody")}
	if err := stranger.ProduceSync(context.Background(), open).FirstErr(); err != nil {
		t.Fatal(err)
	}
	join()
	eventually(t, "two of three go on", func() bool { return running() == 2 })
	if err := stranger.EndTransaction(context.Background(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	eventually(t, "and the third with them", func() bool { return running() == 3 })
}
