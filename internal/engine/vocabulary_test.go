package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// tally counts the events of a key, for trying the words of the vocabulary.
type tally struct {
	N      int       `json:"n"`
	Joined int       `json:"joined"` // what the joined row said last
	Looked int       `json:"looked"` // what the looked-up row said last
	At     time.Time `json:"at"`
}

func (t tally) Because() topology.Because { return topology.Because{Count: t.N} }
func (t tally) LatestEventAt() time.Time  { return t.At }

// plain is a codec without a registry.
type plain[T any] struct{}

func (plain[T]) Schema() string { return "" }
func (plain[T]) Bind(topology.Schemas, string) (topology.Serde[T], error) {
	return plain[T]{}, nil
}
func (plain[T]) Encode(v T) ([]byte, error)       { return json.Marshal(v) }
func (plain[T]) Decode(b []byte) (v T, err error) { return v, json.Unmarshal(b, &v) }
func (plain[T]) Digest(v T) ([]byte, error)       { return json.Marshal(v) }

func count[E topology.Event](row tally, rec topology.Record[E]) (tally, []topology.Output) {
	row.N++
	row.At = rec.At
	return row, nil
}

var (
	counted = topology.Group[tally]{
		Name: "counted.v1-test-consumer", Rows: plain[tally]{},
		Inputs: topology.Inputs[tally]{topology.Fold(topologies.ClaimSubmitted, count[events.ClaimSubmitted])},
	}
	copies = topology.Stream[events.ClaimSubmitted]{
		Topic: topology.Topic{Name: "test.claim.copied", Partitions: 3, Cleanup: topology.Delete, MaxMessageBytes: 1 << 20, KeyField: "claimId"},
		Codec: topologies.ClaimSubmitted.Codec,
	}
	reading = topology.Group[tally]{
		Name: "reading.v1-test-consumer", Rows: plain[tally]{},
		Inputs: topology.Inputs[tally]{
			topology.FoldWith(topologies.ClaimAdjudicated, gather, func(row tally, rec topology.Record[events.ClaimAdjudicated], f facts) (tally, []topology.Output) {
				row, _ = count(row, rec)
				row.Joined, row.Looked = f.joined.N, f.looked.N
				return row, []topology.Output{{Key: rec.Key, Value: submitted(rec.Body.ClaimID)}}
			}),
		},
		Joins:   []topology.TableRef{counted.TableOf().Ref()},
		Lookups: []topology.TableRef{counted.TableOf().Ref()},
		Outputs: []topology.StreamRef{copies.Ref()},
		View:    topology.View{Name: "reading", Key: "claimId"},
	}
)

type facts struct{ joined, looked tally }

func gather(r topology.Reader, _ topology.Record[events.ClaimAdjudicated]) facts {
	return facts{topology.Joined(r, counted.TableOf()), topology.Looked(r, counted.TableOf(), "other")}
}

func denied(claim events.ID, n int) events.ClaimAdjudicated {
	code, text, day := "CO-197", events.Text("authorization absent"), events.DateOf(at.Time())
	return events.ClaimAdjudicated{Type: events.TypeClaimDenied, SchemaVersion: "1.0", ClaimID: claim, MemberID: "m1", ProviderID: "p1",
		AdjudicatedAt: at + events.Instant(n), DenialReasonCode: &code, DenialReasonText: &text, AppealDeadline: &day}
}

func TestJoinLookupAndOutput(t *testing.T) {
	c := newCluster(t)
	groups := []topology.Declared{counted.Declare(), reading.Declare()}
	for _, g := range groups {
		c.create(g.Topics()...)
	}
	c.create(copies.Topic)
	e, _ := c.start(t.TempDir(), groups)
	for range 3 {
		c.produce(record(c, topologies.ClaimSubmitted, submitted("c1")))
	}
	for range 2 {
		c.produce(record(c, topologies.ClaimSubmitted, submitted("other")))
	}
	n := 0
	eventually(t, "a record that sees the joined and the looked-up row", func() bool {
		n++
		c.produce(record(c, topologies.ClaimAdjudicated, denied("c1", n)))
		a, err := e.Get("reading", "c1", false)
		return err == nil && a.Row.(tally).Joined == 3 && a.Row.(tally).Looked == 2
	})
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumeTopics(copies.Topic.Name), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	want := topology.Partition([]byte("c1"), copies.Topic.Partitions)
	for got := 0; got < n; {
		f := reader.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d of %d outputs", got, n)
		}
		f.EachRecord(func(r *kgo.Record) {
			got++
			if r.Partition != want || string(r.Key) != "c1" {
				t.Errorf("output in partition %d, want %d", r.Partition, want)
			}
		})
	}
}

// TestProducersThatHashOtherwise sends every record to another partition than
// murmur2 would, as librdkafka's default does.
func TestProducersThatHashOtherwise(t *testing.T) {
	c := newCluster(t)
	e, _ := c.start(t.TempDir(), folding())
	const claims = 50
	for i := range claims {
		id := events.ID(fmt.Sprintf("claim-%d", i))
		stray, straight := record(c, topologies.ClaimSubmitted, submitted(id)), record(c, topologies.ClaimAdjudicated, denied(id, 1))
		stray.Partition = (stray.Partition + 5) % 12
		c.produce(stray, straight)
	}
	for i := range claims {
		eventually(t, "both facts in one row", func() bool {
			a, err := e.Get("claim-status", fmt.Sprintf("claim-%d", i), false)
			return err == nil && a.Row.Because().Count == 2
		})
	}
}

// TestSyntheticEventsHaveRowsOfTheirOwn folds a real and a synthetic event of
// one claim.
func TestSyntheticEventsHaveRowsOfTheirOwn(t *testing.T) {
	c := newCluster(t)
	e, _ := c.start(t.TempDir(), folding())
	r := record(c, topologies.ClaimPaid, paid("c1"))
	r.Headers = []kgo.RecordHeader{{Key: topology.HeaderSynthetic, Value: []byte("true")}}
	c.produce(r, record(c, topologies.ClaimSubmitted, submitted("c1")))
	for _, synthetic := range []bool{true, false} {
		eventually(t, "a row of one fact", func() bool {
			a, err := e.Get("claim-status", "c1", synthetic)
			return err == nil && a.Row.Because().Count == 1
		})
		page, err := e.List("claim-status", topology.Place{}, 10, synthetic)
		if err != nil || len(page.Rows) != 1 || page.Rows[0].Key != "c1" {
			t.Errorf("synthetic %v: listed %d rows, %v", synthetic, len(page.Rows), err)
		}
	}
}

// TestLargestRecordsFitTheirDeadLetters parks records whose key, header or
// value takes all the room that the topic gives.
func TestLargestRecordsFitTheirDeadLetters(t *testing.T) {
	c := newCluster(t)
	e, _ := c.start(t.TempDir(), folding())
	big := make([]byte, 1<<20-400)
	good := submitted("c1")
	for _, r := range []*kgo.Record{
		{Key: big, Value: []byte("x")},
		{Key: []byte("c1"), Value: big},
		{Key: []byte("c1"), Value: []byte("x"), Headers: []kgo.RecordHeader{{Key: "traceparent", Value: big}}},
		record(c, topologies.ClaimSubmitted, good),
	} {
		r.Topic = topologies.ClaimSubmitted.Topic.Name
		r.Timestamp = time.Now()
		if len(r.Key) < 100 {
			r.Partition = topology.Partition(r.Key, 12)
		}
		c.produce(r)
	}
	eventually(t, "the row of the record behind them", func() bool {
		_, err := e.Get("claim-status", "c1", false)
		return err == nil
	})
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumeTopics(topologies.ClaimSubmitted.Topic.DLQ().Name), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for n := 0; n < 3; n += reader.PollFetches(ctx).NumRecords() {
		if ctx.Err() != nil {
			t.Fatalf("%d of 3 dead letters", n)
		}
	}
}
