package refill

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
	"payerflow/internal/embedded"
	"payerflow/internal/stage"
	"payerflow/topologies"
)

const letters = "claims.claim.paid.dlq" // anybody may write what nobody can read

type bench struct {
	*testing.T
	broker  string
	schemas *codecs.Registry
	kafka   *kgo.Client
	admin   *kadm.Client
}

func newBench(t *testing.T) *bench {
	t.Helper()
	broker, schemas := stage.Cluster(t)
	b := &bench{T: t, broker: broker.Addr(), schemas: schemas}
	b.make()
	b.kafka = b.client()
	b.admin = kadm.NewClient(b.kafka)
	return b
}

// make makes the topic of the test.
func (b *bench) make() {
	topic, _ := topologies.TopicOf("claims.claim.paid")
	stage.Topics(b.T, b.broker, topic.DLQ())
}

func (b *bench) client(opts ...kgo.Opt) *kgo.Client {
	b.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.broker), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	stage.Must(b.T, err)
	b.Cleanup(c.Close)
	return c
}

func (b *bench) store() *store.Store {
	b.Helper()
	server, err := embedded.StartStore(b.Context(), embedded.StoreConfig{DataDir: b.TempDir()})
	stage.Must(b.T, err)
	b.Cleanup(func() { _ = server.Close() })
	s, err := store.Open(server.URI())
	stage.Must(b.T, err)
	b.Cleanup(s.Close)
	return s
}

func (b *bench) refill(s *store.Store) *Refill {
	b.Helper()
	c, err := hydrate.OpenCopy([]string{b.broker}, s)
	stage.Must(b.T, err)
	b.Cleanup(c.Close)
	read, err := hydrate.NewReader(b.schemas)
	stage.Must(b.T, err)
	return &Refill{Copy: c, Read: read}
}

// stored has a sink store all that there is, and stops it.
func (b *bench) stored(s *store.Store) hydrate.SinkStatus {
	b.Helper()
	sink, err := hydrate.New([]string{b.broker}, b.schemas, s, slog.New(slog.DiscardHandler), nil)
	stage.Must(b.T, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = sink.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	r := b.refill(s) // what is committed may be of an earlier topic of the name
	stage.Within(b.T, time.Minute, "the sink has it all", func() bool {
		all, _ := b.holds()
		got, err := r.Compare(b.Context(), []string{letters})
		stage.Must(b.T, err)
		return got.Records == int64(len(all)-6) && sink.Status().Stored > 0
	})
	return sink.Status()
}

func record(partition int32, key, value string) *kgo.Record {
	return &kgo.Record{Topic: letters, Partition: partition, Key: []byte(key), Value: []byte(value), Timestamp: time.UnixMilli(1_790_000_000_000 + int64(len(value))*3_600_000),
		Headers: []kgo.RecordHeader{{Key: "n", Value: nil}, {Key: "ce_id", Value: []byte(value)}}}
}

func (b *bench) plain(partition int32, from, n int) {
	b.Helper()
	for i := range n {
		stage.Must(b.T, b.kafka.ProduceSync(b.Context(), record(partition, fmt.Sprint("k", i%3), strings.Repeat("v", from+i))).FirstErr())
	}
}

// torn writes what real topics have: transactions of two writers through one
// another, aborted ones, one that writes nothing here, records without any, and
// a beginning that is gone.
func (b *bench) torn() {
	b.Helper()
	b.plain(0, 1, 7)
	one, two := b.client(kgo.TransactionalID("one")), b.client(kgo.TransactionalID("two"))
	ctx := b.Context()
	txn := func(c *kgo.Client, end kgo.TransactionEndTry, rs ...*kgo.Record) func() {
		stage.Must(b.T, c.BeginTransaction())
		stage.Must(b.T, c.ProduceSync(ctx, rs...).FirstErr())
		return func() { stage.Must(b.T, c.EndTransaction(ctx, end)) }
	}
	txn(one, kgo.TryCommit, record(0, "a", "committed"))()
	txn(one, kgo.TryAbort, record(0, "a", "aborted"), record(0, "b", "aborted"))()
	first := txn(one, kgo.TryCommit, record(0, "a", "through"), record(1, "x", "other"))
	second := txn(two, kgo.TryCommit, record(0, "b", "another"))
	first()
	second()
	b.plain(0, 20, 5)
	txn(two, kgo.TryCommit, record(0, "c", "last"))()
	b.plain(2, 1, 4)
	b.plain(3, 1, 40)
	gone := kadm.Offsets{}
	gone.AddOffset(letters, 0, 4, -1)
	gone.AddOffset(letters, 3, 30, -1)
	done, err := b.admin.DeleteRecords(ctx, gone)
	stage.Must(b.T, err)
	stage.Must(b.T, done.Error())
}

// holds is what the topic holds, with offsets and all but marks, and where
// partitions begin.
func (b *bench) holds() (out []string, marks int) {
	b.Helper()
	c, err := hydrate.OpenCopy([]string{b.broker}, nil)
	stage.Must(b.T, err)
	defer c.Close()
	starts, err := b.admin.ListStartOffsets(b.Context(), letters)
	stage.Must(b.T, err)
	ends, err := b.admin.ListCommittedOffsets(b.Context(), letters)
	stage.Must(b.T, err)
	for p := range int32(6) {
		start, _ := starts.Lookup(letters, p)
		end, _ := ends.Lookup(letters, p)
		out = append(out, fmt.Sprintf("%d begins at %d", p, start.Offset))
		stage.Must(b.T, c.Scan(b.Context(), hydrate.Range{Shelf: store.Shelf{Topic: letters, Incarnation: 1, Partition: p}, From: start.Offset, To: end.Offset}, false, func(l hydrate.Lying) error {
			text := fmt.Sprintf("%d/%d %s=%s %d", p, l.At, l.Record.Key, l.Record.Value, l.Record.Timestamp.UnixMilli())
			for _, h := range l.Record.Headers {
				if h.Key == store.HeaderRehydrated {
					marks++
				} else {
					text += fmt.Sprintf(" %s:%s", h.Key, h.Value)
				}
			}
			out = append(out, text)
			return nil
		}))
	}
	return out, marks
}

// anew deletes the topic and makes it again, empty.
func (b *bench) anew() {
	b.Helper()
	_, err := b.admin.DeleteTopic(b.Context(), letters)
	stage.Must(b.T, err)
	b.make()
	b.kafka.PurgeTopicsFromClient(letters)
}

func (b *bench) equal(r *Refill, records int64) {
	b.Helper()
	got, err := r.Compare(b.Context(), []string{letters})
	stage.Must(b.T, err)
	if len(got.Gaps) > 0 || got.Records != records || got.Waiting != 0 {
		b.Errorf("%+v", got)
	}
}

// TestATopicComesBackAsItWas each record at its offset, through a crash after
// any step, and a second time when it is lost again; nothing comes twice.
func TestATopicComesBackAsItWas(t *testing.T) {
	b := newBench(t)
	b.torn()
	want, _ := b.holds()
	s := b.store()
	b.stored(s)
	r := b.refill(s)
	n := int64(len(want) - 6)
	b.equal(r, n)
	for life := range 2 {
		b.anew()
		lost, err := r.Compare(t.Context(), []string{letters})
		stage.Must(t, err)
		notThere := int64(0)
		for _, g := range lost.Gaps {
			notThere += g.NotThere
		}
		if notThere != n {
			t.Errorf("life %d: %d are missing in the topic, want %d", life, notThere, n)
		}
		dry, err := r.ToTopics(t.Context(), []string{letters}, true, false)
		stage.Must(t, err)
		b.crashes(r)
		if got, marks := b.holds(); fmt.Sprint(got) != fmt.Sprint(want) || int64(marks) != n {
			t.Errorf("life %d: %d marks\n%s\nwant\n%s", life, marks, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		planned := int64(0)
		for _, f := range dry {
			planned += f.Records
		}
		if planned != n {
			t.Errorf("life %d: %d were planned", life, planned)
		}
		b.equal(r, n)
		if st := b.stored(s); st.Stored != st.Known {
			t.Errorf("life %d: stored a second time: %+v", life, st)
		}
		b.plain(0, 30, 2) // life goes on
		b.stored(s)
		want, _ = b.holds()
		n += 2
		b.equal(r, n)
	}
}

// crashes fills, and is killed before each step, one after the other.
func (b *bench) crashes(r *Refill) {
	b.Helper()
	for steps := 0; ; steps++ {
		ctx, cancel := context.WithCancel(b.Context())
		left := steps % 7
		r.fault = func() {
			if left--; left < 0 && steps < 14 {
				cancel()
			}
		}
		_, err := r.ToTopics(ctx, []string{letters}, false, false)
		cancel()
		if err == nil {
			r.fault = nil
			return
		}
		if ctx.Err() == nil {
			b.Fatal(err)
		}
	}
}

// TestTheStoreComesBack from topics, with what events are found by.
func TestTheStoreComesBack(t *testing.T) {
	b := newBench(t)
	b.torn()
	s := b.store()
	r := b.refill(s)
	lost, err := r.Compare(t.Context(), []string{letters})
	stage.Must(t, err)
	if len(lost.Gaps) != 0 || lost.Waiting == 0 {
		t.Errorf("before any sink: %+v", lost)
	}
	b.stored(b.store()) // another store: its sink says that all is stored
	lost, err = r.Compare(t.Context(), []string{letters})
	stage.Must(t, err)
	if len(lost.Gaps) == 0 || lost.Records != 0 {
		t.Errorf("%+v", lost)
	}
	if _, err := r.ToStore(t.Context(), []string{letters}, true); err != nil {
		t.Fatal(err)
	}
	filled, err := r.ToStore(t.Context(), []string{letters}, false)
	stage.Must(t, err)
	n := int64(0)
	for _, f := range filled {
		n += f.Records
	}
	all, _ := b.holds()
	if n != int64(len(all)-6) {
		t.Errorf("%d came back", n)
	}
	b.equal(r, n)
}

// TestNeverOverANewerOne what comes behind a topic that went on without it.
func TestNeverOverANewerOne(t *testing.T) {
	b := newBench(t)
	b.plain(0, 1, 9) // three of each of k0, k1, k2
	s := b.store()
	b.stored(s)
	b.anew()
	stage.Must(t, b.kafka.ProduceSync(t.Context(), record(0, "k1", "newer")).FirstErr())
	r := b.refill(s)
	got, err := r.ToTopics(t.Context(), []string{letters}, false, false)
	stage.Must(t, err)
	if len(got) != 0 {
		t.Errorf("a topic that went on of its own: %+v", got)
	}
	r.Earlier = true
	if got, err = r.ToTopics(t.Context(), []string{letters}, false, false); err != nil || len(got) != 1 || got[0].Left != 9 {
		t.Errorf("%+v, %v", got, err)
	}
	for i, want := range []int64{6, 0} {
		got, err = r.ToTopics(t.Context(), []string{letters}, false, true)
		stage.Must(t, err)
		if len(got) != 1 || got[0].Records != want || got[0].Newer != 3 {
			t.Errorf("time %d: %+v", i, got)
		}
	}
	all, marks := b.holds()
	if marks != 6 || !strings.Contains(all[1], "k1=newer") || !strings.Contains(all[2], "k0=v ") {
		t.Error(strings.Join(all, "\n"))
	}
}
