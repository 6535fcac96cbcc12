package past_test

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
	"payerflow/connectors/past"
	"payerflow/connectors/store"
	"payerflow/internal/embedded"
	"payerflow/internal/stage"
	"payerflow/topologies"
)

// TestTheStoreHasWhatTopicsForgot, and says where it does not.
func TestTheStoreHasWhatTopicsForgot(t *testing.T) {
	b := stage.Broker(t, embedded.BrokerConfig{})
	stage.Topics(t, b.Addr(), topologies.Topics()...)
	server, err := embedded.StartStore(t.Context(), embedded.StoreConfig{DataDir: t.TempDir()})
	stage.Must(t, err)
	t.Cleanup(func() { _ = server.Close() })
	held, err := store.Open(server.URI())
	stage.Must(t, err)
	t.Cleanup(held.Close)
	p, err := past.Open([]string{b.Addr()}, held)
	stage.Must(t, err)
	t.Cleanup(p.Close)
	lacks := func(from, to int64, want string) {
		t.Helper()
		got, err := p.Lacks(t.Context(), parked, 0, from, to)
		stage.Must(t, err)
		if got != want && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("from %d to %d it lacks %q, want %q", from, to, got, want)
		}
	}
	lacks(0, 0, "")
	lacks(0, 10, "does not have this topic")

	c, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	stage.Must(t, err)
	t.Cleanup(c.Close)
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for i := range 30 {
		r := &kgo.Record{Topic: parked, Key: fmt.Appendf(nil, "k-%d", i), Value: []byte("v"), Timestamp: noon.Add(time.Duration(i) * time.Second),
			Headers: []kgo.RecordHeader{{Key: "n", Value: nil}, {Key: "e", Value: []byte{}}}}
		stage.Must(t, c.ProduceSync(t.Context(), r).FirstErr())
	}
	admin := kadm.NewClient(c)
	cut := func(to int64) {
		o := kadm.Offsets{}
		o.AddOffset(parked, 0, to, -1)
		_, err := admin.DeleteRecords(t.Context(), o)
		stage.Must(t, err)
	}
	cut(5) // before the store has met the topic
	sink, err := hydrate.New([]string{b.Addr()}, &codecs.Memory{}, held, slog.New(slog.DiscardHandler), nil)
	stage.Must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = sink.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	stage.Await(t, "the store to have all", func() bool { return sink.Status().Stored == 25 })
	stage.Await(t, "the sink to have said so", func() bool {
		at, err := admin.FetchOffsetsForTopics(t.Context(), hydrate.Group, parked)
		o, _ := at.Lookup(parked, 0)
		return err == nil && o.At == 30
	})
	cut(20)
	lacks(5, 20, "")
	lacks(0, 20, "nothing between offsets 0 and 5")
	lacks(25, 40, "up to offset 30")
	var got []*kgo.Record
	stage.Must(t, p.Read(t.Context(), parked, 0, 5, 20, noon.Add(10*time.Second), func(r *kgo.Record) error { got = append(got, r); return nil }))
	if len(got) != 10 {
		t.Fatalf("%d records", len(got))
	}
	for i, r := range got {
		if r.Offset != int64(10+i) || string(r.Key) != fmt.Sprintf("k-%d", 10+i) || r.Headers[0].Value != nil || r.Headers[1].Value == nil || !r.Timestamp.Equal(noon.Add(time.Duration(10+i)*time.Second)) {
			t.Errorf("record %d is another: %+v", i, r)
		}
	}
}

const parked = "claims.claim.paid.dlq"
