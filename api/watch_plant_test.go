package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/api"
	"payerflow/client"
	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/engine"
	"payerflow/internal/peers"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// plant is a broker with the topics of claims, and workers on it.
type plant struct {
	t       testing.TB
	broker  *embedded.Broker
	schemas *codecs.Memory
	client  *kgo.Client
	bill    events.Money
}

func planted(t testing.TB) *plant {
	t.Helper()
	b := stage.Broker(t, embedded.BrokerConfig{})
	p := &plant{t: t, broker: b, schemas: &codecs.Memory{}, bill: 100}
	var err error
	if p.client, err = kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.client.Close)
	stage.Topics(t, b.Addr(), topologies.Topics()...)
	return p
}

// planter is a worker with its HTTP surface.
type planter struct {
	t      testing.TB
	engine *engine.Engine
	guard  *letting
	server *httptest.Server
	stop   func()
	client *client.Client
}

var bounds = api.WatchBounds{Most: 50, Beat: 20 * time.Millisecond, Stall: 300 * time.Millisecond}

// worker runs until the test ends. Its surface lets in who guard does.
func (p *plant) worker(guard *letting, b api.WatchBounds) *planter {
	p.t.Helper()
	log := slog.New(slog.DiscardHandler)
	peer, err := peers.Listen(context.Background(), "127.0.0.1:0", peers.Security{}, log)
	if err != nil {
		p.t.Fatal(err)
	}
	e, err := engine.Open(engine.Config{Brokers: []string{p.broker.Addr()}, DataDir: p.t.TempDir(), Peer: peer.Addr(), BatchRecords: 10000, BatchInterval: 10 * time.Millisecond,
		SessionTimeout: 6 * time.Second, TransactionTimeout: 10 * time.Second, Freshness: 10 * time.Second, Log: log},
		[]topology.Declared{topologies.ClaimStatus.Declare(), topologies.ClaimsByMember.Declare()}, p.schemas)
	if err != nil {
		p.t.Fatal(err)
	}
	views, err := peers.Open(e, e, peers.Options{Log: log, Timeout: 10 * time.Second})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = peer.Serve(e, e) })
	running.Go(func() { _ = guard.Run(ctx) })
	running.Go(func() {
		if err := e.Run(ctx); err != nil {
			p.t.Errorf("run: %v", err)
		}
	})
	stopping, cease := context.WithCancel(context.Background())
	w := &planter{t: p.t, engine: e, guard: guard}
	w.server = httptest.NewUnstartedServer(api.New(views, api.Options{Version: "test", Guard: guard.Guard, Watches: e, Watch: b, Stopping: stopping}))
	w.server.Config.Protocols = new(http.Protocols)
	w.server.Config.Protocols.SetHTTP1(true)
	w.server.Config.Protocols.SetUnencryptedHTTP2(true)
	w.server.Start()
	w.stop = sync.OnceFunc(func() {
		cease()
		w.server.CloseClientConnections()
		w.server.Close()
		cancel()
		_ = peer.Close(context.Background())
		running.Wait()
		views.Close()
		if err := e.Close(); err != nil {
			p.t.Errorf("close: %v", err)
		}
	})
	p.t.Cleanup(w.stop)
	w.client = client.New(w.server.URL, client.Options{Token: guard.token})
	stage.Await(p.t, "a row to be there or not", func() bool {
		_, err := client.Get[any](p.t.Context(), w.client, "claims-by-member", "none", client.Ask{})
		return err == nil && e.Ready() == nil
	})
	return w
}

// bills submits a claim once more, with another amount: its row's next state.
func (p *plant) bills(claim events.ID) {
	p.t.Helper()
	if err := p.client.ProduceSync(context.Background(), p.submission(claim)).FirstErr(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plant) submission(claim events.ID) *kgo.Record {
	p.t.Helper()
	p.bill += 100
	at := events.InstantOf(time.Date(2026, 1, 16, 10, 0, 0, 0, time.UTC).Add(time.Duration(p.bill) * time.Second))
	s := topologies.ClaimSubmitted
	serde, err := s.Codec.Bind(p.schemas, s.Topic.Name)
	if err != nil {
		p.t.Fatal(err)
	}
	e := events.ClaimSubmitted{Type: events.TypeClaimSubmitted, SchemaVersion: "1.0", ClaimID: claim, MemberID: "m1", ProviderID: "p1",
		PlanID: "plan", ClaimType: "PROFESSIONAL", TotalBilledAmount: p.bill, ServiceDate: events.DateOf(at.Time()), SubmittedAt: at}
	b, err := serde.Encode(e)
	if err != nil {
		p.t.Fatal(err)
	}
	return &kgo.Record{Topic: s.Topic.Name, Partition: topology.Partition([]byte(claim), s.Topic.Partitions), Key: []byte(claim), Value: b, Timestamp: time.Now()}
}

// follower gathers what a watch tells.
type follower struct {
	t      testing.TB
	cancel context.CancelFunc
	mu     sync.Mutex
	got    []client.Change[map[string]any]
	err    error
	resume string
	done   chan struct{}
}

func follow(t testing.TB, c *client.Client, view, key, resume string) *follower {
	return followAs(t, c, view, key, resume, client.Ask{})
}

func followAs(t testing.TB, c *client.Client, view, key, resume string, ask client.Ask) *follower {
	ctx, cancel := context.WithCancel(context.Background())
	f := &follower{t: t, cancel: cancel, done: make(chan struct{}), resume: resume}
	go func() {
		defer close(f.done)
		for ch, err := range client.Watch[map[string]any](ctx, c, view, key, resume, ask) {
			f.mu.Lock()
			if err != nil {
				f.err = err
			} else if f.got = append(f.got, ch); ch.Resume != "" {
				f.resume = ch.Resume
			}
			f.mu.Unlock()
		}
	}()
	t.Cleanup(f.stop)
	return f
}

func (f *follower) stop() { f.cancel(); <-f.done }

// story is what was told, in words: how many facts a claim has or which claim it
// is of a member, and kinds of the rest.
func (f *follower) story() (out []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ch := range f.got {
		switch ch.Kind {
		case client.Beat:
		case client.Put:
			if facts, of := ch.Row.Value["history"].([]any); of {
				out = append(out, strconv.Itoa(len(facts)))
			} else {
				out = append(out, fmt.Sprint(ch.Row.Value["claimId"]))
			}
		default:
			out = append(out, string(ch.Kind))
		}
	}
	return out
}

func (f *follower) tells(want ...string) {
	f.t.Helper()
	stage.Await(f.t, fmt.Sprintf("%v, told %v, %v", want, f.story(), f.err), func() bool { return len(f.story()) >= len(want) })
	if got := f.story(); !slices.Equal(got, want) {
		f.t.Fatalf("told %v, want %v", got, want)
	}
}
