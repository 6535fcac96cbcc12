package peers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"payerflow/internal/peers"
	"payerflow/internal/topology"
)

// TestASlowOwnerIsWaitedFor asks the only worker that may answer, which takes
// more than a hop's share of the time: it is asked once, and not given up.
func TestASlowOwnerIsWaitedFor(t *testing.T) {
	const timeout = 8 * time.Second
	var asked atomic.Int32
	slow := servingFrom(t, shards{reply: func(q topology.Question) (topology.Reply, error) {
		asked.Add(1)
		<-time.After(timeout/4 + 500*time.Millisecond) // it is slow
		return shards{row: []byte("row")}.Read(context.Background(), q)
	}}, directory{self: "slow"})
	v := asking(t, noSecurity, timeout, slow)
	if a, err := v.Get(context.Background(), "view", "k", false); err != nil || string(a.Stored) != "row" || asked.Load() != 1 {
		t.Errorf("%q %v, asked %d times", a.Stored, err, asked.Load())
	}
}

// TestAnOwnerThatHangsIsGivenUpForTheNext asks one that hangs, until another
// says that it folds the partition.
func TestAnOwnerThatHangsIsGivenUpForTheNext(t *testing.T) {
	over, asked := make(chan struct{}), make(chan struct{}, 10)
	t.Cleanup(func() { close(over) })
	hangs := servingFrom(t, shards{reply: func(topology.Question) (topology.Reply, error) {
		asked <- struct{}{}
		<-over
		return topology.Reply{}, topology.ErrElsewhere
	}}, directory{self: "hangs"})
	heir := serving(t, noSecurity)
	var holders atomic.Pointer[[]topology.Holder]
	holders.Store(&[]topology.Holder{hangs})
	go func() {
		<-asked
		former := hangs
		former.Owner = false
		holders.Store(&[]topology.Holder{heir, former})
	}()
	v, err := peers.Open(shards{}, directory{self: "here", next: func() []topology.Holder { return *holders.Load() }}, peers.Options{Timeout: 8 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	if a, err := v.Get(context.Background(), "view", "k", false); err != nil || string(a.Stored) != "row" {
		t.Errorf("%q %v", a.Stored, err)
	}
}
