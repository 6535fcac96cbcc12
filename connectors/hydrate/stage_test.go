package hydrate

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/connectors/store"
	"payerflow/internal/embedded"
	"payerflow/internal/stage"
	"payerflow/topologies"
)

// childArg makes the test binary a sink that kills itself when it has stored a
// batch, and has not committed it.
const childArg = "hydrate-child"

func TestMain(m *testing.M) {
	if len(os.Args) == 5 && os.Args[1] == childArg {
		to, err := store.Open(os.Args[4])
		if err != nil {
			panic(err)
		}
		sink, err := New([]string{os.Args[2]}, codecs.OpenRegistry(os.Args[3]), to, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			panic(err)
		}
		sink.fault = func(step string) {
			if step == "stored" {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		}
		panic(sink.Run(context.Background()))
	}
	os.Exit(m.Run())
}

type bench struct {
	*testing.T
	broker   string
	registry string
	kafka    *kgo.Client
	admin    *kadm.Client
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := stage.Broker(t, embedded.BrokerConfig{})
	r, err := embedded.StartRegistry(t.Context(), embedded.RegistryConfig{Addr: "127.0.0.1:0", Brokers: []string{b.Addr()}})
	stage.Must(t, err)
	t.Cleanup(func() { _ = r.Close() })
	stage.Topics(t, b.Addr(), topologies.Topics()...)
	schemas := codecs.OpenRegistry(r.URL())
	for topic, text := range map[string]string{topologies.Firehose.Topic.Subject(): topologies.Firehose.Codec.Schema(), topologies.ClaimPaid.Topic.Subject(): topologies.ClaimPaid.Codec.Schema()} {
		_, err := schemas.Register(topic, text)
		stage.Must(t, err)
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	stage.Must(t, err)
	t.Cleanup(c.Close)
	return &bench{t, b.Addr(), r.URL(), c, kadm.NewClient(c)}
}

// sink runs one until it is stopped.
func (b *bench) sink(to *store.Store) (*Sink, func()) {
	b.Helper()
	s, err := New([]string{b.broker}, codecs.OpenRegistry(b.registry), to, slog.New(slog.DiscardHandler), nil)
	stage.Must(b.T, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	stop := sync.OnceFunc(func() { cancel(); wg.Wait() })
	b.Cleanup(stop)
	return s, stop
}

func (b *bench) store(uri string) *store.Store {
	b.Helper()
	s, err := store.Open(uri)
	stage.Must(b.T, err)
	b.Cleanup(s.Close)
	return s
}

func (b *bench) server(c embedded.StoreConfig) *embedded.Store {
	b.Helper()
	if c.DataDir == "" {
		c.DataDir = b.TempDir()
	}
	s, err := embedded.StartStore(b.Context(), c)
	stage.Must(b.T, err)
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func (b *bench) produce(records ...*kgo.Record) {
	b.Helper()
	stage.Must(b.T, b.kafka.ProduceSync(b.Context(), records...).FirstErr())
}

// letters are records that nobody can read, of a topic of dead letters.
func letters(n int, of string) (out []*kgo.Record) {
	for i := range n {
		out = append(out, &kgo.Record{Topic: "claims.claim.paid.dlq", Key: fmt.Appendf(nil, "%s-%d", of, i), Value: []byte(strings.Repeat(of, 20)),
			Headers: []kgo.RecordHeader{{Key: "n", Value: nil}}})
	}
	return out
}

// topic is what a topic holds that is committed.
func (b *bench) topic(names ...string) map[string]*kgo.Record {
	b.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(b.broker), kgo.ConsumeTopics(names...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())
	stage.Must(b.T, err)
	defer c.Close()
	ends, err := b.admin.ListEndOffsets(b.Context(), names...)
	stage.Must(b.T, err)
	left := map[string]map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if left[o.Topic] == nil {
			left[o.Topic] = map[int32]int64{}
		}
		left[o.Topic][o.Partition] = o.Offset
	})
	out := map[string]*kgo.Record{}
	for !reached(left) {
		fetches := c.PollFetches(b.Context())
		stage.Must(b.T, fetches.Err())
		for _, r := range fetches.Records() {
			if !r.Attrs.IsControl() {
				out[fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset)] = r
			}
			if r.Offset+1 >= left[r.Topic][r.Partition] {
				left[r.Topic][r.Partition] = 0
			}
		}
	}
	return out
}

func reached(left map[string]map[int32]int64) bool {
	for _, ps := range left {
		for _, end := range ps {
			if end > 0 {
				return false
			}
		}
	}
	return true
}

// same fails unless the store holds exactly what the topics hold, once.
func (b *bench) same(s *store.Store, incarnation int, names ...string) {
	b.Helper()
	want := b.topic(names...)
	shelves, err := s.Shelves(b.Context())
	stage.Must(b.T, err)
	got := 0
	for _, shelf := range shelves {
		if !strings.Contains(strings.Join(names, " ")+" ", shelf.Topic+" ") || shelf.Incarnation != incarnation {
			continue
		}
		stage.Must(b.T, s.Read(b.Context(), shelf, 0, store.End, func(r store.Record) error {
			got++
			w := want[fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset)]
			if w == nil || !bytes.Equal(w.Key, r.Key) || !bytes.Equal(w.Value, r.Value) || (w.Value == nil) != (r.Value == nil) || !w.Timestamp.Equal(r.Time) || len(w.Headers) != len(r.Headers) {
				b.Errorf("%s differs", r.ID)
				return nil
			}
			for i, h := range w.Headers {
				if h.Key != r.Headers[i].Key || !bytes.Equal(h.Value, r.Headers[i].Value) || (h.Value == nil) != (r.Headers[i].Value == nil) {
					b.Errorf("%s: header %d differs", r.ID, i)
				}
			}
			return nil
		}))
	}
	if got != len(want) {
		b.Errorf("%d records, want %d", got, len(want))
	}
}

func (b *bench) within(d time.Duration, what string, ok func() bool) {
	b.Helper()
	end, tick := time.After(d), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			b.Fatalf("not within %s: %s", d, what)
		case <-tick.C:
		}
	}
}

// caughtUp waits until everything that is committed in topics is stored and the
// group is at their ends.
func (b *bench) caughtUp(names ...string) {
	b.Helper()
	b.within(60*time.Second, "the sink is at the ends", func() bool {
		ends, err := b.admin.ListEndOffsets(b.Context(), names...)
		stage.Must(b.T, err)
		at, err := b.admin.FetchOffsets(b.Context(), Group)
		if err != nil {
			return false
		}
		done := true
		ends.Each(func(o kadm.ListedOffset) {
			c, _ := at.Lookup(o.Topic, o.Partition)
			done = done && (o.Offset == 0 || c.At >= o.Offset)
		})
		return done
	})
}
