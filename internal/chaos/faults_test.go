package chaos

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"payerflow/codecs"
	"payerflow/internal/engine"
)

// bench is a broker that fails on demand, with a worker in this process.
type bench struct {
	t       *testing.T
	kafka   *kfake.Cluster
	source  *source
	checker *checker
	outside *receiver
	stop    func() // of the first worker
}

func newBench(t *testing.T, opts ...kfake.Opt) *bench {
	t.Helper()
	b := &bench{t: t, outside: receive(t)}
	b.connect(opts...)
	must(t, b.source.createTopics(t.Context(), nil))
	stop := b.start()
	b.send(change(0, houseKey))
	b.settled()
	stop() // the next one finds the house account when it starts: lookups follow in their own time
	b.stop = b.start()
	return b
}

// connect starts the broker, with a source and a checker on it.
func (b *bench) connect(opts ...kfake.Opt) {
	b.t.Helper()
	k, err := kfake.NewCluster(append(opts, kfake.NumBrokers(3))...)
	must(b.t, err)
	b.t.Cleanup(k.Close)
	b.kafka = k
	sent := 0
	if b.source != nil {
		sent = b.source.sent
	}
	b.source, err = newSource(k.ListenAddrs())
	must(b.t, err)
	b.source.sent = sent
	b.t.Cleanup(b.source.client.Close)
	b.checker, err = newChecker(k.ListenAddrs(), b.outside)
	must(b.t, err)
	b.t.Cleanup(b.checker.client.Close)
}

// start runs a worker until stop is called or the test ends.
func (b *bench) start() (stop func()) {
	b.t.Helper()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	e, err := engine.Open(engine.Config{Brokers: b.kafka.ListenAddrs(), DataDir: b.t.TempDir(), BatchRecords: 1000,
		BatchInterval: 10 * time.Millisecond, SessionTimeout: 6 * time.Second, TransactionTimeout: slow * 2 * time.Second,
		Freshness: 10 * time.Second, Standby: true, Effects: outside(b.outside.url), Log: log}, groups, &codecs.Memory{})
	must(b.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("run: %v", err)
		}
		if err := e.Close(); err != nil {
			b.t.Errorf("close: %v", err)
		}
	})
	b.t.Cleanup(stop)
	return stop
}

func (b *bench) send(rs ...*kgo.Record) {
	b.t.Helper()
	must(b.t, b.source.client.ProduceSync(b.t.Context(), rs...).FirstErr())
}

// facts sends n records, over all partitions and kinds.
func (b *bench) facts(n int) {
	b.t.Helper()
	var rs []*kgo.Record
	for i := range n {
		rs = append(rs, b.source.fact(fmt.Sprintf("account-%d", i%20)))
	}
	b.send(rs...)
}

func (b *bench) settled() {
	b.t.Helper()
	exact(b.t, b.checker, slow*20*time.Second)
}

// refused does something while receipts are refused, until the worker has
// tried three times.
func (b *bench) refused(while func()) {
	b.t.Helper()
	fault := b.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topicReceipts, Err: kerr.MessageTooLarge, Count: -1})
	while()
	must(b.t, fault.Wait(b.t.Context(), 3))
	fault.Remove()
}

// committed are the group's positions by topic and partition.
func (b *bench) committed(group string) kadm.OffsetResponses {
	b.t.Helper()
	all, err := kadm.NewClient(b.source.client).FetchOffsets(b.t.Context(), group)
	must(b.t, err)
	return all
}

// TestNothingIsCommittedPastAFailure lets the broker refuse one kind of
// request while all others succeed.
func TestNothingIsCommittedPastAFailure(t *testing.T) {
	produce, end := []kmsg.Key{kmsg.Produce}, []kmsg.Key{kmsg.EndTxn}
	for _, c := range []struct {
		name   string
		fault  kfake.Fault
		blocks bool // nothing gets past it
	}{
		{name: "an output is refused", blocks: true, fault: kfake.Fault{Keys: produce, Topic: topicReceipts, Err: kerr.TopicAuthorizationFailed}},
		{name: "an output is too large", blocks: true, fault: kfake.Fault{Keys: produce, Topic: topicReceipts, Err: kerr.MessageTooLarge}},
		{name: "an output has no replicas", blocks: true, fault: kfake.Fault{Keys: produce, Topic: topicReceipts, Err: kerr.NotEnoughReplicas}},
		{name: "the changelog is refused", blocks: true, fault: kfake.Fault{Keys: produce, Topic: topicLedgers, Err: kerr.KafkaStorageError}},
		{name: "one partition of the changelog is invalid", blocks: true, fault: kfake.Fault{Keys: produce, Topic: topicLedgers, Partitions: []int32{2}, Err: kerr.InvalidRecord}},
		{name: "not enough replicas after append", fault: kfake.Fault{Keys: produce, Topic: topicLedgers, Err: kerr.NotEnoughReplicasAfterAppend}},
		{name: "the dead letter topic is refused", blocks: true, fault: kfake.Fault{Keys: produce, Topic: topicPosted + ".dlq", Err: kerr.TopicAuthorizationFailed}},
		{name: "the view is refused", blocks: true, fault: kfake.Fault{Keys: produce, Topic: topicView, Err: kerr.InvalidRecord}},
		{name: "offsets are refused", blocks: true, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Group: ledgers.Name, Err: kerr.GroupAuthorizationFailed}},
		{name: "the end is refused", fault: kfake.Fault{Keys: end, TopLevel: true, Err: kerr.TransactionalIDAuthorizationFailed}},
		{name: "the end times out", fault: kfake.Fault{Keys: end, TopLevel: true, Err: kerr.RequestTimedOut}},
		{name: "the producer is fenced", fault: kfake.Fault{Keys: produce, Topic: topicReceipts, Err: kerr.InvalidProducerEpoch}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.facts(120)
			b.settled()
			c.fault.Count = -1
			fault := b.kafka.Fault(c.fault)
			b.facts(120)
			must(t, fault.Wait(t.Context(), 2))
			committed := b.committed(ledgers.Name)
			must(t, b.checker.catchUp(t.Context()))
			if owed := b.checker.owed(committed); len(owed) > 0 {
				t.Errorf("positions are past %d records whose effects are not there, e.g. %s", len(owed), owed[0])
			}
			if c.blocks && len(b.checker.verify()) == 0 {
				t.Error("everything has come out; the fault hit nothing")
			}
			fault.Remove()
			b.settled()
		})
	}
}

// TestCoordinatorsMove moves every group and transaction to another node,
// again and again, while records flow.
func TestCoordinatorsMove(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 5 {
		b.facts(60)
		b.kafka.RehashCoordinators()
		b.facts(60)
	}
	b.settled()
}

// TestLeadersMove moves the changelog and an input to other nodes.
func TestLeadersMove(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for round := range 3 {
		b.facts(60)
		for p := range int32(partitions) {
			for _, topic := range []string{topicLedgers, topicPosted, topicReceipts} {
				must(t, b.kafka.MoveTopicPartition(topic, p, (int32(round)+p)%3))
			}
		}
		b.facts(60)
	}
	b.settled()
}
