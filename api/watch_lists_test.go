package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/api"
	"payerflow/client"
	"payerflow/codecs"
	"payerflow/internal/embedded"
	"payerflow/internal/engine"
	"payerflow/internal/peers"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

// lists are the groups whose views have rows under keys.
func lists(t *testing.T) (out []topology.Declared) {
	t.Helper()
	for _, g := range topologies.All {
		if g.KeepsUnder() != g.View.Lists && g.View.Name != "" {
			t.Errorf("%s has rows under keys, and its view does not list them", g.Name)
		}
		if g.View.Lists {
			out = append(out, g)
		}
	}
	return out
}

// shelf is a replica of all views that list, over changelogs that the test
// writes.
type shelf struct {
	t       *testing.T
	client  *kgo.Client
	schemas *codecs.Memory
	server  *httptest.Server
	guard   *letting
}

func shelved(t *testing.T, groups []topology.Declared, guard *letting) *shelf {
	t.Helper()
	b := stage.Broker(t, embedded.BrokerConfig{})
	stage.Topics(t, b.Addr(), topologies.Topics()...)
	s := &shelf{t: t, schemas: &codecs.Memory{}, guard: guard}
	var err error
	s.client, err = kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	stage.Must(t, err)
	t.Cleanup(s.client.Close)
	log := slog.New(slog.DiscardHandler)
	e, err := engine.Open(engine.Config{Brokers: []string{b.Addr()}, DataDir: t.TempDir(), Follows: true, Freshness: time.Minute, Log: log}, groups, s.schemas)
	stage.Must(t, err)
	views, err := peers.Open(e, e, peers.Options{Log: log, Timeout: 10 * time.Second, Staleness: time.Hour, Replica: true})
	stage.Must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = guard.Run(ctx) })
	running.Go(func() {
		if err := e.Follow(ctx); err != nil {
			t.Errorf("follow: %v", err)
		}
	})
	s.server = httptest.NewServer(api.New(views, api.Options{Version: "test", Guard: guard.Guard, Watches: e, Watch: bounds}))
	t.Cleanup(func() {
		s.server.CloseClientConnections()
		s.server.Close()
		cancel()
		running.Wait()
		views.Close()
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	stage.Await(t, "copies", func() bool { return e.Ready() == nil })
	return s
}

// put writes a state of a row under a key, or that there is none.
func (s *shelf) put(g topology.Declared, id string, synthetic, there bool) {
	s.t.Helper()
	r := &kgo.Record{Topic: g.Table.Name, Partition: topology.Partition([]byte(shelfKey), g.Table.Partitions), Key: []byte(topology.RowKey(topology.RowUnder(shelfKey, topology.Ordered(uint32(id[0]), id)), synthetic))}
	if there {
		bound, err := topology.Bind(g, s.schemas)
		stage.Must(s.t, err)
		r.Value, err = bound.Rows.Encode(reflect.Zero(g.RowType).Interface())
		stage.Must(s.t, err)
	}
	stage.Must(s.t, s.client.ProduceSync(s.t.Context(), r).FirstErr())
}

const shelfKey = "k"

// puts are the ids of rows in the order in which states of them were told, and
// what was withheld of the last.
func (f *follower) puts() (ids, withheld []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ch := range f.got {
		if ch.Kind == client.Put {
			ids, withheld = append(ids, ch.ID), ch.Row.Withheld
		}
	}
	return ids, withheld
}

// has awaits that so many states were told.
func (f *follower) has(n int) (ids, withheld []string) {
	f.t.Helper()
	stage.Await(f.t, "states of rows", func() bool { ids, _ := f.puts(); return len(ids) >= n })
	if ids, withheld = f.puts(); len(ids) != n {
		f.t.Fatalf("%d states of rows, want %d", len(ids), n)
	}
	return ids, withheld
}

// TestEveryListIsWatched: each view that lists tells the rows under a key and
// each state of theirs, keeps made-up rows apart, goes on where it was, and
// shows what may be seen at the moment.
func TestEveryListIsWatched(t *testing.T) {
	groups := lists(t)
	if len(groups) < 5 {
		t.Fatalf("only %d views list", len(groups))
	}
	guard := letIn(t, tables.Scopes{Read: []string{"*"}})
	s := shelved(t, groups, guard)
	open := map[string]*follower{}
	for _, g := range groups {
		open[g.View.Name] = s.watched(t, g)
	}
	for _, class := range []string{tables.ClassPHI, tables.ClassPII, tables.ClassBank} {
		guard.permit(t, class)
	}
	for _, g := range groups {
		f := open[g.View.Name]
		s.put(g, "b", false, true)
		if _, withheld := f.has(2); len(withheld) > 0 {
			t.Errorf("%s withholds %v from who may see it", g.View.Name, withheld)
		}
	}
	guard.row.Revoked = true
	guard.apply(t, tables.KindToken, guard.row.ID, guard.row)
	for view, f := range open {
		stage.Await(t, "the end of "+view, func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.err != nil })
		if p, ok := errors.AsType[*client.Problem](f.err); !ok || p.Code != "INVALID_TOKEN" {
			t.Errorf("%s: %v", view, f.err)
		}
	}
}

// watched watches a list, leaves, and goes on: what it returns has told of one
// row since then.
func (s *shelf) watched(t *testing.T, g topology.Declared) *follower {
	t.Helper()
	c, view := client.New(s.server.URL, client.Options{Token: s.guard.token}), g.View.Name
	s.put(g, "a", false, true)
	s.put(g, "b", false, true)
	s.put(g, "made-up", true, true)
	f := follow(t, c, view, shelfKey, "")
	ids, withheld := f.has(2)
	if ids[0] == ids[1] || !slices.Equal(withheld, g.View.Classes) {
		t.Errorf("%s: rows %q, withheld %q of %q", view, ids, withheld, g.View.Classes)
	}
	made := followAs(t, c, view, shelfKey, "", client.Ask{Synthetic: true})
	made.has(1)
	s.put(g, "made-up", true, true)
	made.has(2)
	s.put(g, "a", false, true)
	if again, _ := f.has(3); again[2] != ids[0] {
		t.Errorf("%s: a row is %q, then %q", view, ids[0], again[2])
	}
	stage.Await(t, "a place to resume at", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.got[len(f.got)-1].Resume != "" })
	f.stop()
	s.put(g, "c", false, true)
	s.put(g, "a", false, false)
	f = follow(t, c, view, shelfKey, f.resume)
	f.has(1)
	stage.Await(t, "a row that is gone", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.ContainsFunc(f.got, func(ch client.Change[map[string]any]) bool { return ch.Kind == client.Gone && ch.ID == ids[0] })
	})
	if now, _ := f.puts(); slices.Contains(ids, now[0]) {
		t.Errorf("%s: a new row is one of the old", view)
	}
	return f
}
