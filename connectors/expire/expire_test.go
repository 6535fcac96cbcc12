package expire

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
	"payerflow/internal/embedded"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

const (
	letters = "claims.claim.paid.dlq" // anybody may write what nobody can read
	days    = 30 * 24 * time.Hour
)

type bench struct {
	*testing.T
	broker, registry string
	kafka            *kgo.Client
	admin            *kadm.Client
	clock            atomic.Int64 // nanoseconds
}

func (b *bench) now() time.Time { return time.Unix(0, b.clock.Load()) }

func (b *bench) pass(d time.Duration) { b.clock.Add(int64(d)) }

func newBench(t *testing.T) *bench {
	t.Helper()
	b := stage.Broker(t, embedded.BrokerConfig{})
	r, err := embedded.StartRegistry(t.Context(), embedded.RegistryConfig{Addr: "127.0.0.1:0", Brokers: []string{b.Addr()}})
	stage.Must(t, err)
	t.Cleanup(func() { _ = r.Close() })
	dlq, _ := topologies.TopicOf("claims.claim.paid")
	stage.Topics(t, b.Addr(), dlq.DLQ(), topology.LogStarts, topologies.AuditReceived.Topic)
	_, err = codecs.OpenRegistry(r.URL()).Register(topologies.AuditReceived.Topic.Subject(), topologies.AuditReceived.Codec.Schema())
	stage.Must(t, err)
	c, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	stage.Must(t, err)
	t.Cleanup(c.Close)
	out := &bench{T: t, broker: b.Addr(), registry: r.URL(), kafka: c, admin: kadm.NewClient(c)}
	out.clock.Store(time.Now().UnixNano())
	return out
}

func (b *bench) server(dir, addr string) *embedded.Store {
	b.Helper()
	s, err := embedded.StartStore(b.Context(), embedded.StoreConfig{DataDir: dir, Addr: addr})
	stage.Must(b.T, err)
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func (b *bench) open(uri string) *store.Store {
	b.Helper()
	s, err := store.Open(uri)
	stage.Must(b.T, err)
	b.Cleanup(s.Close)
	return s
}

// sink stores what topics hold, until it is stopped.
func (b *bench) sink(to *store.Store) {
	b.Helper()
	s, err := hydrate.New([]string{b.broker}, codecs.OpenRegistry(b.registry), to, slog.New(slog.DiscardHandler), nil)
	stage.Must(b.T, err)
	b.run(s.Run)
}

func (b *bench) run(work func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = work(ctx) })
	stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	b.Cleanup(stop)
	return stop
}

func (b *bench) expirer(to *store.Store, with func(*Options)) (*Expirer, func()) {
	b.Helper()
	o := Options{Brokers: []string{b.broker}, Schemas: codecs.OpenRegistry(b.registry), Store: to, Days: hydrate.Managed(), Every: 50 * time.Millisecond,
		Now: b.now, Log: slog.New(slog.NewTextHandler(b.T.Output(), nil))}
	if with != nil {
		with(&o)
	}
	x, err := New(o)
	stage.Must(b.T, err)
	return x, b.run(x.Run)
}

// letters writes n records of an age to a partition.
func (b *bench) letters(partition int32, n int, age time.Duration) {
	b.Helper()
	for i := range n {
		stage.Must(b.T, b.kafka.ProduceSync(b.Context(), &kgo.Record{Topic: letters, Partition: partition, Key: fmt.Append(nil, "k", i), Value: []byte("v"), Timestamp: b.now().Add(-age)}).FirstErr())
	}
}

func (b *bench) begins(partition int32) int64 {
	b.Helper()
	all, err := b.admin.ListStartOffsets(b.Context(), letters)
	stage.Must(b.T, err)
	at, _ := all.Lookup(letters, partition)
	return at.Offset
}

// stored waits until the sink has a number of records of the letters.
func (b *bench) stored(s *store.Store, n int64) {
	b.Helper()
	stage.Within(b.T, time.Minute, "the sink is at the end", func() bool {
		at, err := b.admin.FetchOffsets(b.Context(), hydrate.Group)
		sum := int64(0)
		for _, o := range at[letters] {
			sum += o.At
		}
		return err == nil && sum >= n
	})
}

// passes waits until an expirer has looked at everything twice more.
func (b *bench) passes(x *Expirer) {
	b.Helper()
	for range 2 {
		before := x.Status().Last
		b.pass(time.Second)
		stage.Within(b.T, time.Minute, "it looked at everything", func() bool {
			last := x.Status().Last
			return last != nil && (before == nil || last.After(*before))
		})
	}
}

// written are the values of a topic's partition 0.
func (b *bench) written(topic string, partitions int32) (out []string) {
	b.Helper()
	c, err := hydrate.OpenCopy([]string{b.broker}, nil)
	stage.Must(b.T, err)
	defer c.Close()
	ends, err := b.admin.ListCommittedOffsets(b.Context(), topic)
	stage.Must(b.T, err)
	for p := range partitions {
		end, _ := ends.Lookup(topic, p)
		stage.Must(b.T, c.Scan(b.Context(), hydrate.Range{Shelf: store.Shelf{Topic: topic, Incarnation: 1, Partition: p}, To: end.Offset}, false, func(l hydrate.Lying) error {
			out = append(out, string(l.Record.Value))
			return nil
		}))
	}
	return out
}

// TestOldRecordsExpire when the store holds them, and are written down before.
// What a group has yet to read, what the store lost, and the last record stay.
func TestOldRecordsExpire(t *testing.T) {
	b := newBench(t)
	s := b.open(b.server(t.TempDir(), "").URI())
	b.letters(0, 5, days+time.Hour)
	b.letters(0, 5, days-time.Hour)
	b.letters(0, 1, days+time.Hour) // behind a younger one
	b.letters(1, 4, days+time.Hour)
	b.letters(2, 8, days+time.Hour)
	b.letters(3, 8, days+time.Hour)
	b.sink(s)
	b.stored(s, 31)
	s = b.without(s, store.ID{Shelf: store.Shelf{Topic: letters, Incarnation: 1, Partition: 2}, Offset: 5})
	at := kadm.Offsets{}
	for p, o := range []int64{11, 4, 8, 2, 0, 0} {
		at.AddOffset(letters, int32(p), o, -1)
	}
	stage.Must(t, b.admin.CommitAllOffsets(t.Context(), "reader", at))
	x, _ := b.expirer(s, func(o *Options) { o.Readings = []Reading{{"reader", letters, false}, {"never ran", letters, true}} })
	b.passes(x)
	if got := []int64{b.begins(0), b.begins(1), b.begins(2), b.begins(3)}; fmt.Sprint(got) != "[5 3 5 2]" {
		t.Errorf("partitions begin at %v", got)
	}
	if st := x.Status(); st.State != expires || st.Deleted != 15 || st.Overdue < 3600 || st.Error != "" {
		t.Errorf("%+v", st)
	}
	starts, said := strings.Join(b.written(topology.LogStarts.Name, 1), "\n"), b.written(topologies.AuditReceived.Topic.Name, 6)
	if len(said) != 4 || !strings.Contains(strings.Join(said, ""), "records.expire") || strings.Count(starts, letters) != 4 || !strings.Contains(starts, `"partition":2,"offset":5`) {
		t.Errorf("%d records of the audit, log starts:\n%s", len(said), starts)
	}
	b.pass(2 * time.Hour)
	b.passes(x)
	if got := b.begins(0); got != 10 {
		t.Errorf("later, it begins at %d", got)
	}
}

// without copies a store but for one record.
func (b *bench) without(from *store.Store, id store.ID) *store.Store {
	b.Helper()
	to := b.open(b.server(b.TempDir(), "").URI())
	lives, err := from.Incarnations(b.Context())
	stage.Must(b.T, err)
	for _, l := range lives {
		_, err := to.Incarnation(b.Context(), l.Topic, l.TopicID)
		stage.Must(b.T, err)
	}
	shelves, err := from.Shelves(b.Context())
	stage.Must(b.T, err)
	var all []store.Record
	for _, shelf := range shelves {
		stage.Must(b.T, from.Read(b.Context(), shelf, 0, store.End, func(r store.Record) error {
			if r.ID != id {
				all = append(all, r)
			}
			return nil
		}))
	}
	_, err = to.Put(b.Context(), all)
	stage.Must(b.T, err)
	return to
}

// TestWhatWasWrittenDownIsDeleted by whoever comes next, where a worker was
// killed between the two.
func TestWhatWasWrittenDownIsDeleted(t *testing.T) {
	b := newBench(t)
	s := b.open(b.server(t.TempDir(), "").URI())
	b.letters(0, 9, time.Hour)
	known, err := b.admin.ListTopics(t.Context(), letters)
	stage.Must(t, err)
	now := known[letters].ID
	for p, id := range []string{hex.EncodeToString(now[:]), "00"} {
		l := topology.LogStart{Topic: letters, TopicID: id, Partition: int32(p), Offset: 6}
		value, err := l.Encode()
		stage.Must(t, err)
		stage.Must(t, b.kafka.ProduceSync(t.Context(), &kgo.Record{Topic: topology.LogStarts.Name, Key: []byte(l.Key()), Value: value}).FirstErr())
	}
	b.letters(1, 9, time.Hour)
	x, _ := b.expirer(s, nil)
	b.passes(x)
	if b.begins(0) != 6 || b.begins(1) != 0 {
		t.Errorf("partitions begin at %d and %d", b.begins(0), b.begins(1))
	}
}

// TestWhileTheStoreIsAway nothing expires, and it says for how long that goes.
func TestWhileTheStoreIsAway(t *testing.T) {
	b := newBench(t)
	dir := t.TempDir()
	first := b.server(dir, "127.0.0.1:0")
	addr := strings.Trim(strings.TrimPrefix(first.URI(), "mongodb://"), "/")
	s := b.open(first.URI() + "?serverSelectionTimeoutMS=300&timeoutMS=2000")
	b.letters(0, 5, days-time.Minute)
	b.letters(0, 5, time.Hour)
	b.sink(s)
	b.stored(s, 10)
	x, _ := b.expirer(s, func(o *Options) { o.Free = func() (int64, error) { return 1 << 20, nil } })
	b.passes(x)
	stage.Must(t, first.Close())
	for range 6 { // minute by minute
		b.pass(time.Minute)
		b.letters(1, 1, 0)
		stage.Within(b.T, time.Minute, "it waits", func() bool { return x.Status().State == waits })
	}
	stage.Within(b.T, time.Minute, "it says how long that can last", func() bool { st := x.Status(); return st.Room != nil && st.Overdue >= 300 })
	if b.begins(0) != 0 {
		t.Error("it deleted what nobody could compare")
	}
	b.server(dir, addr)
	stage.Within(b.T, time.Minute, "it goes on", func() bool { return b.begins(0) == 5 && x.Status().State == expires })
}

// TestOneExpires at a time, and another one takes over.
func TestOneExpires(t *testing.T) {
	b := newBench(t)
	s := b.open(b.server(t.TempDir(), "").URI())
	first, stop := b.expirer(s, nil)
	stage.Within(b.T, time.Minute, "the first expires", func() bool { return first.Status().State == expires })
	second, _ := b.expirer(s, nil)
	b.passes(first)
	if second.Status().State != standsBy {
		t.Error("both expire")
	}
	stop()
	stage.Within(b.T, time.Minute, "the second takes over", func() bool { return second.Status().State == expires })
}
