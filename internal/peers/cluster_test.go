package peers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
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
	"payerflow/internal/peers"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// cluster is a broker with the topics of claim-status, and workers on it.
type cluster struct {
	t        testing.TB
	brokers  []string
	schemas  *codecs.Memory
	client   *kgo.Client
	security peers.Security
	standby  bool
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	k, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	c := &cluster{t: t, brokers: k.ListenAddrs(), schemas: &codecs.Memory{}}
	c.client, err = kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(2<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.client.Close)
	for _, topic := range topologies.Topics() {
		policy, largest := string(topic.Cleanup), strconv.Itoa(topic.MaxMessageBytes)
		if _, err := kadm.NewClient(c.client).CreateTopic(context.Background(), int32(topic.Partitions), 1,
			map[string]*string{"cleanup.policy": &policy, "max.message.bytes": &largest}, topic.Name); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func claims() []topology.Declared {
	return []topology.Declared{topologies.ClaimStatus.Declare()}
}

// worker is one that runs in this process.
type worker struct {
	*peers.Views
	engine *engine.Engine
	server *peers.Server
	stop   func() // as SIGTERM does
	wire   *wire  // to the brokers
}

// wire is how a worker reaches the brokers. While it is cut, what is sent is
// lost and nothing comes, and nobody is told.
type wire struct {
	mu    sync.Mutex
	cut   chan struct{} // closed when it is mended; nil: it is whole
	conns []net.Conn
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if cut := w.state(); cut != nil {
		select {
		case <-cut:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, conn)
	return &wired{conn, w}, nil
}

func (w *wire) state() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut
}

func (w *wire) sever() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = make(chan struct{})
}

// mend ends the connections of before: the other side has given them up.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut != nil {
		close(w.cut)
	}
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.cut, w.conns = nil, nil
}

type wired struct {
	net.Conn
	w *wire
}

func (c *wired) Write(b []byte) (int, error) {
	if c.w.state() != nil {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *wired) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if cut := c.w.state(); cut != nil {
		<-cut
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *cluster) config(dir, peer string) engine.Config {
	out := io.Discard
	if testing.Verbose() {
		out = testWriter{c.t}
	}
	return engine.Config{Brokers: c.brokers, DataDir: dir, Peer: peer, BatchRecords: 10000, BatchInterval: 20 * time.Millisecond,
		SessionTimeout: 6 * time.Second, TransactionTimeout: 10 * time.Second, Freshness: 10 * time.Second, Standby: c.standby,
		Log: slog.New(slog.NewTextHandler(out, nil))}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) { w.t.Log(string(b)); return len(b), nil }

// start runs a worker, or a replica, until the test ends.
func (c *cluster) start(dir string, replica bool, o peers.Options) *worker {
	c.t.Helper()
	log := slog.New(slog.DiscardHandler)
	server, err := peers.Listen(context.Background(), "127.0.0.1:0", c.security, log)
	if err != nil {
		c.t.Fatal(err)
	}
	cfg := c.config(dir, server.Addr())
	cfg.Follows = replica
	line := &wire{}
	cfg.Client = []kgo.Opt{kgo.Dialer(line.dial)}
	e, err := engine.Open(cfg, claims(), c.schemas)
	if err != nil {
		c.t.Fatal(err)
	}
	o.Security, o.Replica, o.Log = c.security, replica, log
	views, err := peers.Open(e, e, o)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Serve(e, e); err != nil {
			c.t.Errorf("serve: %v", err)
		}
	})
	running.Go(func() {
		run := e.Run
		if replica {
			run = e.Follow
		}
		if err := run(ctx); err != nil {
			c.t.Errorf("run: %v", err)
		}
	})
	w := &worker{Views: views, engine: e, server: server, wire: line}
	w.stop = sync.OnceFunc(func() {
		cancel()
		bye, done := context.WithTimeout(context.Background(), time.Second)
		defer done()
		_ = server.Close(bye)
		running.Wait()
		views.Close()
		if err := e.Close(); err != nil {
			c.t.Errorf("close: %v", err)
		}
	})
	c.t.Cleanup(w.stop)
	return w
}

func (c *cluster) produce(claims ...string) {
	c.t.Helper()
	var rs []*kgo.Record
	for _, claim := range claims {
		rs = append(rs, c.record(topologies.ClaimSubmitted, submitted(events.ID(claim))))
	}
	if err := c.client.ProduceSync(context.Background(), rs...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) record(s topology.Stream[events.ClaimSubmitted], e events.ClaimSubmitted) *kgo.Record {
	c.t.Helper()
	serde, err := s.Codec.Bind(c.schemas, s.Topic.Name)
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := serde.Encode(e)
	if err != nil {
		c.t.Fatal(err)
	}
	return &kgo.Record{Topic: s.Topic.Name, Partition: topology.Partition([]byte(e.Subject()), s.Topic.Partitions), Key: []byte(e.Subject()), Value: b, Timestamp: time.Now()}
}

var at = events.InstantOf(time.Date(2026, 1, 16, 10, 0, 0, 0, time.UTC))

func submitted(claim events.ID) events.ClaimSubmitted {
	return events.ClaimSubmitted{Type: events.TypeClaimSubmitted, SchemaVersion: "1.0", ClaimID: claim, MemberID: "m1", ProviderID: "p1",
		PlanID: "plan", ClaimType: "PROFESSIONAL", TotalBilledAmount: 25000, ServiceDate: events.DateOf(at.Time()), SubmittedAt: at}
}

// eventually polls a condition: workers go on by themselves.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		case <-tick.C:
		}
	}
}

func some(n int) (claims []string) {
	for i := range n {
		claims = append(claims, fmt.Sprintf("claim-%d", i))
	}
	return claims
}

func (w *worker) has(claims []string) bool {
	return !slices.ContainsFunc(claims, func(claim string) bool {
		_, err := w.Get(context.Background(), "claim-status", claim, false)
		return err != nil
	})
}

func owned(w *worker) int {
	n := 0
	for _, in := range w.engine.Status().Groups[0].Inputs {
		if in.Topic == topologies.ClaimSubmitted.Topic.Name {
			n++
		}
	}
	return n
}

// TestAnyWorkerAnswers asks each of three workers and a replica for every row:
// by key, by the batch, and by the page.
func TestAnyWorkerAnswers(t *testing.T) {
	c := newCluster(t)
	all := some(60)
	var nodes []*worker
	for range 3 {
		nodes = append(nodes, c.start(t.TempDir(), false, peers.Options{}))
	}
	nodes = append(nodes, c.start(t.TempDir(), true, peers.Options{}))
	c.produce(all...)
	eventually(t, "three workers share the partitions", func() bool { return owned(nodes[0]) == 4 && owned(nodes[1]) == 4 && owned(nodes[2]) == 4 })
	ctx := context.Background()
	for i, n := range nodes {
		eventually(t, fmt.Sprintf("all rows from node %d", i), func() bool { return n.has(all) })
		for j, got := range n.Batch(ctx, "claim-status", append(slices.Clone(all), "nobody"), false) {
			switch {
			case j == len(all):
				if !errors.Is(got.Err, topology.ErrNotFound) {
					t.Errorf("node %d: a claim that is not there: %v", i, got.Err)
				}
			case got.Err != nil || got.Key != all[j]:
				t.Errorf("node %d: row %d: %v", i, j, got.Err)
			}
		}
		seen := map[string]bool{}
		for from := (&topology.Place{}); from != nil; {
			page, err := n.List(ctx, "claim-status", *from, 7, false)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page.Rows {
				if seen[a.Key] {
					t.Errorf("node %d lists a row twice", i)
				}
				seen[a.Key] = true
			}
			from = page.Next
			nodes[(i+1)%4], nodes[i] = nodes[i], nodes[(i+1)%4] // the place does not say who is asked
			n = nodes[i]
		}
		if len(seen) != len(all) {
			t.Errorf("node %d lists %d rows of %d", i, len(seen), len(all))
		}
	}
}

// TestReadersWhoAskTogetherGetTheirOwn has many readers ask for rows by a hop at
// a time, for some that are not there, and some who leave: each of the others is
// answered with the row that it asked for.
func TestReadersWhoAskTogetherGetTheirOwn(t *testing.T) {
	c := newCluster(t)
	all := some(60)
	owner := c.start(t.TempDir(), false, peers.Options{})
	c.produce(all...)
	eventually(t, "all rows", func() bool { return owner.has(all) })
	other := c.start(t.TempDir(), true, peers.Options{})
	eventually(t, "all rows by a hop", func() bool { return other.has(all) })
	var wg sync.WaitGroup
	for reader := range 48 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if reader%6 == 0 {
				cancel()
			}
			for i := range all {
				key := all[(i+reader)%len(all)]
				if reader%6 == 1 {
					key = "nobody-" + key
				}
				a, err := other.Get(ctx, "claim-status", key, false)
				switch {
				case reader%6 == 0: // it has left
				case reader%6 == 1 && !errors.Is(err, topology.ErrNotFound), reader%6 != 1 && (err != nil || a.Key != key):
					t.Errorf("reader %d: %q, %v", reader, a.Key, err)
				}
			}
		})
	}
	wg.Wait()
}
