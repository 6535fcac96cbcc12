package hydrate

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/connectors/store"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/stage"
	"payerflow/topologies"
)

const (
	paid    = "claims.claim.paid"
	parked  = "claims.claim.paid.dlq"
	canary  = "CLM-CANARY-7"
	control = "mediator.control"
)

// TestEverythingIsStored as it is: events, also with what they are found by,
// what nobody can read, schemas; and nothing of what was aborted.
func TestEverythingIsStored(t *testing.T) {
	b := newBench(t)
	schemas := codecs.OpenRegistry(b.registry)
	typed, err := topologies.ClaimPaid.Codec.Bind(schemas, paid)
	stage.Must(t, err)
	value, err := typed.Encode(events.ClaimPaid{Type: "CLAIM_PAID", SchemaVersion: "1.0", ClaimID: canary, MemberID: "M-1", ProviderID: "P-1", PaymentID: "PAY-1",
		PaidAmount: 100000, PaidAt: events.InstantOf(time.Now()), RecordedBy: "BILLING"})
	stage.Must(t, err)
	envelope, err := topologies.Firehose.Codec.Bind(schemas, topologies.Firehose.Topic.Name)
	stage.Must(t, err)
	came, err := envelope.Encode(events.Envelope{ID: "e-1", Type: "CLAIM_PAID", Key: canary, At: events.InstantOf(time.Now()), TransactionID: "t-1", SourceSystem: "EDI",
		Tags: []string{"x"}, Synthetic: true, Body: `{"claimId":"` + canary + `"}`})
	stage.Must(t, err)
	b.produce(&kgo.Record{Topic: topologies.Firehose.Topic.Name, Key: []byte(canary), Value: came},
		&kgo.Record{Topic: paid, Key: []byte(canary), Value: value, Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte("e-1")}, {Key: "ce_transactionid", Value: []byte("t-1")}, {Key: "ce_tags", Value: []byte("x,y")}}},
		&kgo.Record{Topic: paid, Key: []byte(canary), Value: []byte("no Avro")}, &kgo.Record{Topic: paid, Key: nil, Value: nil}, &kgo.Record{Topic: control, Value: []byte("{}")})
	b.produce(letters(40, "a")...)
	txn, err := kgo.NewClient(kgo.SeedBrokers(b.broker), kgo.TransactionalID("t"))
	stage.Must(t, err)
	defer txn.Close()
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		stage.Must(t, txn.BeginTransaction())
		stage.Must(t, txn.ProduceSync(t.Context(), letters(5, "t")...).FirstErr())
		stage.Must(t, txn.EndTransaction(t.Context(), end))
	}
	s := b.store(b.server(embedded.StoreConfig{}).URI())
	b.sink(s)
	topics := []string{paid, parked, control, SchemasTopic, topologies.Firehose.Topic.Name}
	b.caughtUp(topics...)
	b.same(s, 1, topics...)
	found, err := s.Find(t.Context(), store.Query{Event: "e-1"}, nil, 10)
	stage.Must(t, err)
	if len(found.Records) != 2 {
		t.Fatalf("%d records of the event", len(found.Records))
	}
	for _, r := range found.Records {
		if e := r.Event; e.Type != "CLAIM_PAID" || e.Subject != canary || e.Transaction != "t-1" || !strings.Contains(string(e.Body), canary) || len(e.Tags) == 0 {
			t.Errorf("%s: %+v", r.ID, r.Event)
		}
	}
}

// TestKilledBetweenStoreAndCommit the sink stores nothing twice.
func TestKilledBetweenStoreAndCommit(t *testing.T) {
	b := newBench(t)
	uri := b.server(embedded.StoreConfig{Addr: "127.0.0.1:0"}).URI()
	s := b.store(uri)
	b.produce(letters(300, "k")...)
	for range 2 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], childArg, b.broker, b.registry, uri)
		if err := cmd.Run(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatal(err)
		}
	}
	shelves, err := s.Shelves(t.Context())
	stage.Must(t, err)
	if len(shelves) == 0 {
		t.Fatal("killed before it stored anything")
	}
	b.produce(letters(50, "l")...)
	sink, _ := b.sink(s)
	b.caughtUp(parked)
	b.same(s, 1, parked)
	if got := sink.Status(); got.Known == 0 {
		t.Errorf("nothing came twice: %+v", got)
	}
}

// TestTheStoreIsAway for a while: the sink says so, and loses nothing.
func TestTheStoreIsAway(t *testing.T) {
	b := newBench(t)
	first := b.server(embedded.StoreConfig{DataDir: t.TempDir(), Addr: "127.0.0.1:0"})
	s := b.store(first.URI() + "?serverSelectionTimeoutMS=300&timeoutMS=2000")
	sink, _ := b.sink(s)
	b.produce(letters(20, "a")...)
	b.caughtUp(parked)
	at, dir := strings.Trim(strings.TrimPrefix(first.URI(), "mongodb://"), "/"), t.TempDir()
	stage.Must(t, first.Close())
	b.produce(letters(20, "b")...)
	b.within(30*time.Second, "it waits", func() bool {
		st := sink.Status()
		return st.State == "waiting" && st.Oldest != nil && st.Behind > 0 && !strings.Contains(st.Error, "b-")
	})
	b.server(embedded.StoreConfig{DataDir: dir, Addr: at}) // an empty one: what was stored before is another question
	b.caughtUp(parked)
	b.within(5*time.Second, "it stores", func() bool { st := sink.Status(); return st.State == "storing" && st.Oldest == nil && st.Behind == 0 })
}

// TestTwoSinksShare the partitions, and take over from each other.
func TestTwoSinksShare(t *testing.T) {
	b := newBench(t)
	s := b.store(b.server(embedded.StoreConfig{}).URI())
	_, stop := b.sink(s)
	b.produce(letters(50, "a")...)
	b.caughtUp(parked)
	other, _ := b.sink(s)
	b.within(30*time.Second, "both have partitions", func() bool { b.produce(letters(12, "b")...); return other.Status().Stored > 0 })
	stop()
	b.produce(letters(50, "c")...)
	b.caughtUp(parked)
	b.same(s, 1, parked)
}

// TestATopicMadeAnewIsAnotherOne and is read from its start.
func TestATopicMadeAnewIsAnotherOne(t *testing.T) {
	b := newBench(t)
	s := b.store(b.server(embedded.StoreConfig{}).URI())
	_, stop := b.sink(s)
	b.produce(letters(60, "a")...)
	b.caughtUp(parked)
	stop()
	_, err := b.admin.DeleteTopic(t.Context(), parked)
	stage.Must(t, err)
	b.kafka.PurgeTopicsFromClient(parked)
	paidDLQ, _ := topologies.TopicOf(paid)
	stage.Topics(t, b.broker, paidDLQ.DLQ())
	b.produce(letters(90, "b")...)
	b.sink(s)
	b.within(60*time.Second, "the second life is stored", func() bool {
		days := int64(0)
		shelves, err := s.Shelves(t.Context())
		stage.Must(t, err)
		for _, shelf := range shelves {
			if shelf.Topic == parked && shelf.Incarnation == 2 {
				d, err := s.Days(t.Context(), shelf, 0, store.End)
				stage.Must(t, err)
				for _, day := range d {
					days += day.Count
				}
			}
		}
		return days == 90
	})
	b.same(s, 2, parked)
}
