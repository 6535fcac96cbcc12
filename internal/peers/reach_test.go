package peers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/peers"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

func paid(claim string, n int) events.ClaimPaid {
	return events.ClaimPaid{Type: events.TypeClaimPaid, SchemaVersion: "1.0", ClaimID: events.ID(claim), MemberID: "m1", ProviderID: "p1",
		PaymentID: events.ID(fmt.Sprintf("pay-%d", n)), PaidAmount: 100, PaidAt: at + events.Instant(n), RecordedBy: events.RecordedByBilling}
}

// pay writes a payment, and returns where it is.
func (c *cluster) pay(claim string, n int) topology.Position {
	c.t.Helper()
	serde, err := topologies.ClaimPaid.Codec.Bind(c.schemas, topologies.ClaimPaid.Topic.Name)
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := serde.Encode(paid(claim, n))
	if err != nil {
		c.t.Fatal(err)
	}
	r := &kgo.Record{Topic: topologies.ClaimPaid.Topic.Name, Partition: topology.Partition([]byte(claim), topologies.ClaimPaid.Topic.Partitions), Key: []byte(claim), Value: b, Timestamp: time.Now()}
	if err := c.client.ProduceSync(context.Background(), r).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
	return topology.Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset + 1}
}

// payments counts those in a row.
func payments(a topology.Answer) int { return len(a.Row.(tables.ClaimStatus).History) }

// TestReadsWhatWasWritten writes payments, which are repartitioned, and reads
// each back through another worker with its position, or a replica's copy.
func TestReadsWhatWasWritten(t *testing.T) {
	c := newCluster(t)
	nodes := []*worker{c.start(t.TempDir(), false, peers.Options{}), c.start(t.TempDir(), false, peers.Options{}), c.start(t.TempDir(), true, peers.Options{})}
	eventually(t, "two workers", func() bool { return owned(nodes[0]) == 6 && owned(nodes[1]) == 6 })
	const claims = 10
	for n := range 200 {
		claim := fmt.Sprintf("claim-%d", n%claims)
		at := c.pay(claim, n)
		allow := topology.Allowance{AtLeast: []topology.Position{at}, Wait: 20 * time.Second}
		if n%5 == 4 { // whatever copy there is
			bound := time.Hour
			allow.Staleness = &bound
		}
		a, err := nodes[n%3].Get(topology.Allow(context.Background(), allow), "claim-status", claim, false)
		if err != nil {
			t.Fatalf("write %d: %v", n, err)
		}
		if got := payments(a); got != n/claims+1 {
			t.Fatalf("write %d: the row has %d payments", n, got)
		}
	}
}

// TestAPositionThatDoesNotCome says where it waits.
func TestAPositionThatDoesNotCome(t *testing.T) {
	c := newCluster(t)
	w := c.start(t.TempDir(), false, peers.Options{})
	c.produce("claim-0")
	eventually(t, "the row", func() bool { return w.has(some(1)) })
	never := topology.Position{Topic: topologies.ClaimPaid.Topic.Name, Partition: 2, Offset: 5}
	_, err := w.Get(topology.Allow(context.Background(), topology.Allowance{AtLeast: []topology.Position{never}, Wait: 300 * time.Millisecond}), "claim-status", "claim-0", false)
	at, ok := errors.AsType[*topology.NotReachedError](err)
	if !ok || at.Topic != never.Topic || at.Group != topology.FeedingGroup(topologies.ClaimStatus.Name, 6) {
		t.Errorf("%v", err)
	}
	unrelated := topology.Position{Topic: "audit.received", Partition: 0, Offset: 5}
	if _, err := w.Get(topology.Allow(context.Background(), topology.Allowance{AtLeast: []topology.Position{unrelated}, Wait: time.Second}), "claim-status", "claim-0", false); err != nil {
		t.Errorf("a position of which nothing comes to the view: %v", err)
	}
}

// TestMarkersAreNotWaitedFor leaves an aborted transaction at the end of a
// topic: a group that has folded all that counts has committed less.
func TestMarkersAreNotWaitedFor(t *testing.T) {
	c := newCluster(t)
	w := c.start(t.TempDir(), false, peers.Options{})
	c.produce("claim-0")
	eventually(t, "the row", func() bool { return w.has(some(1)) })
	stranger, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.TransactionalID("stranger"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if err := stranger.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	r := c.record(topologies.ClaimSubmitted, submitted("claim-0"))
	if err := stranger.ProduceSync(context.Background(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := stranger.EndTransaction(context.Background(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	behind := topology.Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset + 2}
	if _, err := w.Get(topology.Allow(context.Background(), topology.Allowance{AtLeast: []topology.Position{behind}, Wait: 10 * time.Second}), "claim-status", "claim-0", false); err != nil {
		t.Error(err)
	}
}

// TestAReplicaAnswersWithinABound stops the only worker: a replica goes on
// answering those who allow it, says so, and nobody else.
func TestAReplicaAnswersWithinABound(t *testing.T) {
	c := newCluster(t)
	all := some(20)
	w := c.start(t.TempDir(), false, peers.Options{})
	dir := t.TempDir()
	replica := c.start(dir, true, peers.Options{Timeout: 200 * time.Millisecond})
	c.produce(all...)
	bound := time.Minute
	relaxed := topology.Allow(context.Background(), topology.Allowance{Staleness: &bound})
	copied := func(r *worker) func() bool {
		return func() bool {
			for _, claim := range all {
				if a, err := r.Get(relaxed, "claim-status", claim, false); err != nil || !a.Replica || !a.Stale || a.Age < 0 {
					return false
				}
			}
			return true
		}
	}
	eventually(t, "the replica's own copies", copied(replica))
	eventually(t, "a replica that is ready", func() bool { return replica.Ready() == nil })
	w.stop()
	if !copied(replica)() {
		t.Error("the replica does not answer alone")
	}
	if _, err := replica.Get(context.Background(), "claim-status", all[0], false); err == nil {
		t.Error("a reader who allows no copies got one")
	}
	soon := time.Nanosecond
	tight := topology.Allow(context.Background(), topology.Allowance{Staleness: &soon})
	if _, err := replica.Get(tight, "claim-status", all[0], false); !errors.Is(err, topology.ErrTooStale) {
		t.Errorf("%v", err)
	}
	replica.stop()
	again := c.start(dir, true, peers.Options{})
	eventually(t, "the copies again, from where they were", copied(again))
}
