package engine_test

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/engine"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

// cluster is a broker with the application's topics, and an in-memory registry.
type cluster struct {
	atLeastOnce, standby bool
	t                    testing.TB
	kafka                *kfake.Cluster
	brokers              []string
	schemas              *codecs.Memory
	client               *kgo.Client
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	k, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	c := &cluster{t: t, kafka: k, brokers: k.ListenAddrs(), schemas: &codecs.Memory{}}
	c.client, err = kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(2<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.client.Close)
	c.create(topologies.Topics()...)
	return c
}

// folding are some groups of the application that need no rules, the first of
// them that of the claims.
func folding() []topology.Declared {
	return []topology.Declared{topologies.ClaimStatus.Declare(), topologies.MediatorRules.Declare(), topologies.SLA.Declare()}
}

func (c *cluster) create(topics ...topology.Topic) {
	for _, t := range topics {
		policy, largest := string(t.Cleanup), strconv.Itoa(t.MaxMessageBytes)
		if _, err := kadm.NewClient(c.client).CreateTopic(context.Background(), int32(t.Partitions), 1,
			map[string]*string{"cleanup.policy": &policy, "max.message.bytes": &largest}, t.Name); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *cluster) config(dir string) engine.Config {
	cfg := c.settings(dir)
	cfg.Log = slog.New(slog.NewTextHandler(c.out(), nil))
	return cfg
}

func (c *cluster) settings(dir string) engine.Config {
	return engine.Config{Brokers: c.brokers, DataDir: dir, BatchRecords: 10000, BatchInterval: 20 * time.Millisecond,
		SessionTimeout: 10 * time.Second, TransactionTimeout: 20 * time.Second, Freshness: 10 * time.Second,
		AtLeastOnce: c.atLeastOnce, Standby: c.standby}
}

func (c *cluster) out() io.Writer {
	if testing.Verbose() {
		return testWriter{c.t}
	}
	return io.Discard
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) { w.t.Log(string(b)); return len(b), nil }

// start runs a worker until the test ends or stop is called.
func (c *cluster) start(dir string, groups []topology.Declared) (e *engine.Engine, stop func()) {
	c.t.Helper()
	return c.startWith(c.config(dir), groups)
}

func (c *cluster) startWith(cfg engine.Config, groups []topology.Declared) (e *engine.Engine, stop func()) {
	c.t.Helper()
	e, err := engine.Open(cfg, groups, c.schemas)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Errorf("run: %v", err)
		}
		if err := e.Close(); err != nil {
			c.t.Errorf("close: %v", err)
		}
	})
	c.t.Cleanup(stop)
	return e, stop
}

func (c *cluster) produce(rs ...*kgo.Record) {
	c.t.Helper()
	if err := c.client.ProduceSync(context.Background(), rs...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

func encode[E topology.Event](c *cluster, s topology.Stream[E], e E) []byte {
	c.t.Helper()
	serde, err := s.Codec.Bind(c.schemas, s.Topic.Name)
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := serde.Encode(e)
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

func record[E topology.Event](c *cluster, s topology.Stream[E], e E) *kgo.Record {
	return &kgo.Record{Topic: s.Topic.Name, Partition: topology.Partition([]byte(e.Subject()), s.Topic.Partitions),
		Key: []byte(e.Subject()), Value: encode(c, s, e), Timestamp: time.Now()}
}

// eventually polls a condition: the worker commits by itself.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	within(t, time.Minute, what, ok)
}

func within(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		case <-tick.C:
		}
	}
}

var at = events.InstantOf(time.Date(2026, 1, 16, 10, 0, 0, 0, time.UTC))

func submitted(claim events.ID) events.ClaimSubmitted {
	return events.ClaimSubmitted{Type: events.TypeClaimSubmitted, SchemaVersion: "1.0", ClaimID: claim, MemberID: "m1", ProviderID: "p1",
		PlanID: "plan", ClaimType: "PROFESSIONAL", TotalBilledAmount: 25000, ServiceDate: events.DateOf(at.Time()), SubmittedAt: at}
}

func paid(claim events.ID) events.ClaimPaid {
	return events.ClaimPaid{Type: events.TypeClaimPaid, SchemaVersion: "1.0", ClaimID: claim, MemberID: "m1", ProviderID: "p1",
		PaymentID: "pay-1", PaidAmount: 14400, PaidAt: at + 3600_000_000, RecordedBy: events.RecordedByBilling}
}

func TestFoldsTwoPartitionCountsIntoOneRow(t *testing.T) {
	t.Run("exactly once", func(t *testing.T) { foldsTwoPartitionCounts(t, false) })
	t.Run("at least once", func(t *testing.T) { foldsTwoPartitionCounts(t, true) })
}

func foldsTwoPartitionCounts(t *testing.T, atLeastOnce bool) {
	c := newCluster(t)
	c.atLeastOnce = atLeastOnce
	dir := t.TempDir()
	e, stop := c.start(dir, folding())
	c.produce(record(c, topologies.ClaimSubmitted, submitted("c1")), record(c, topologies.ClaimPaid, paid("c1")))
	get := func(e *engine.Engine) (tables.ClaimStatus, error) {
		a, err := e.Get("claim-status", "c1", false)
		if err != nil {
			return tables.ClaimStatus{}, err
		}
		return a.Row.(tables.ClaimStatus), nil
	}
	eventually(t, "row with both facts", func() bool { r, err := get(e); return err == nil && len(r.History) == 2 })
	row, _ := get(e)
	if row.Status != tables.ClaimPaid || *row.Paid != 14400 {
		t.Errorf("status %s", row.Status)
	}
	eventually(t, "ready", func() bool { return e.Ready() == nil })
	stop()

	e, stop = c.start(dir, folding())
	eventually(t, "the row again after a restart", func() bool { r, err := get(e); return err == nil && len(r.History) == 2 })
	stop()
	e, _ = c.start(t.TempDir(), folding())
	eventually(t, "the row again from the changelog", func() bool { r, err := get(e); return err == nil && len(r.History) == 2 })
}
