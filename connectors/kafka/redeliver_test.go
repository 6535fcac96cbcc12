package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

var careClaims = tables.Subscription{Team: "care", Name: "claims", EventTypes: []string{"CLAIM_SUBMITTED", "CLAIM_PAID"}, Synthetic: tables.Discard, Delivery: tables.DeliverTopic,
	Partitions: 2, State: tables.StateActive}

// again is a yard in which the firehose holds claims m0 to m19 of ten keys, of
// which m4 came twice and every seventh is made up, and the topic of payments
// one that a service wrote and one that the router did.
type again struct {
	*yard
	rules *processors.Rules
	past  kafka.Past
}

func newAgain(t *testing.T, rows ...any) *again {
	y := newYard(t)
	stage.Topics(t, y.brokers[0], topologies.ConsumerTopic(careClaims))
	a := &again{yard: y, rules: dryRules(t, append([]any{careClaims}, rows...)...)}
	f := openFirehose(t, y.brokers[0], y.schemas)
	for _, n := range append([]int{4}, slices.Collect(func(yield func(int) bool) {
		for i := range 20 {
			if !yield(i) {
				return
			}
		}
	})...) {
		e := received(fmt.Sprintf("m%d", n))
		e.Type, e.Key, e.Synthetic, e.Tags = "CLAIM_SUBMITTED", events.ID(fmt.Sprintf("c%d", n%10)), n%7 == 6, nil
		e.Body = events.Body(fmt.Sprintf(`{"eventType":"CLAIM_SUBMITTED","claimId":"c%d","memberId":"CANARY","claimType":"PROFESSIONAL","providerId":"p%d"}`, n%10, n%3))
		for _, p := range f.Publish(t.Context(), []events.Envelope{e}) {
			stage.Must(t, p.Err)
		}
	}
	own := &kgo.Record{Topic: paid, Key: []byte("c1"), Value: y.payment("c1", "5.00"), Headers: []kgo.RecordHeader{{Key: topology.HeaderID, Value: []byte("pay")}}}
	routed := &kgo.Record{Topic: paid, Key: []byte("c1"), Value: y.payment("c1", "5.00"), Headers: []kgo.RecordHeader{{Key: processors.HeaderOrigin, Value: []byte("router")}}}
	stage.Must(t, y.client.ProduceSync(t.Context(), own, routed).FirstErr())
	return a
}

func (a *again) redeliverer() kafka.Redeliverer {
	return kafka.Redeliverer{Brokers: a.brokers, Schemas: a.schemas, Rules: func() (*processors.Rules, error) { return a.rules, nil }, Past: a.past}
}

func (a *again) deliver(req kafka.Redelivery) (kafka.Redelivered, error) {
	req.Subscription, req.By = careClaims.ID(), "tester"
	return a.redeliverer().Redeliver(a.t.Context(), req, func(kafka.Redelivered) {})
}

func (a *again) must(req kafka.Redelivery) kafka.Redelivered {
	a.t.Helper()
	out, err := a.deliver(req)
	stage.Must(a.t, err)
	return out
}

// copies are what the subscription's topic holds.
func (a *again) copies() (out []events.Envelope, rs []*kgo.Record) {
	a.t.Helper()
	serde, err := topologies.Deliveries.Codec.Bind(a.schemas, careClaims.Topic())
	stage.Must(a.t, err)
	rs = a.raw(careClaims.Topic())
	for _, r := range rs {
		e, err := serde.Decode(r.Value)
		stage.Must(a.t, err)
		out = append(out, e)
	}
	return out, rs
}

// raw reads everything that is committed in a topic, as it is there.
func (a *again) raw(topic string) (out []*kgo.Record) {
	a.t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(a.brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	stage.Must(a.t, err)
	defer c.Close()
	ends, err := kadm.NewClient(c).ListEndOffsets(a.t.Context(), topic)
	stage.Must(a.t, err)
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	for left > 0 {
		fetches := c.PollFetches(a.t.Context())
		stage.Must(a.t, fetches.Err())
		for _, r := range fetches.Records() {
			if left--; !r.Attrs.IsControl() {
				out = append(out, r)
			}
		}
	}
	return out
}

func code(t *testing.T, err error, want string) {
	t.Helper()
	var refused *kafka.RedeliveryError
	if !errors.As(err, &refused) || refused.Code != want {
		t.Errorf("got %v, want it refused as %s", err, want)
	}
}

// TestRedeliveredAsTheReaderMaySeeItNow: the copies are the router's, by rules
// that are in force when they are made, and say that they were there before.
func TestRedeliveredAsTheReaderMaySeeItNow(t *testing.T) {
	t.Parallel()
	a := newAgain(t)
	dry := a.must(kafka.Redelivery{ID: "a", DryRun: true})
	if cs, _ := a.copies(); dry.Delivered != 19 || len(cs) != 0 || dry.PassedOver["DUPLICATE"] != 1 || dry.PassedOver[processors.NotForReader] != 2 {
		t.Fatalf("a dry run: %+v, %d copies", dry, len(cs))
	}
	out := a.must(kafka.Redelivery{ID: "a", Choice: processors.EventChoice{Types: []string{"CLAIM_SUBMITTED"}, Keys: []string{"c1", "c4", "c6"}}})
	cs, rs := a.copies()
	if out.Delivered != 5 || len(cs) != 5 || out.State != kafka.RedeliveryIsDone || out.Done != out.All {
		t.Fatalf("%+v, %d copies", out, len(cs))
	}
	for i, e := range cs {
		if header(rs[i], processors.HeaderReplayed) != "a" || header(rs[i], processors.HeaderMask) == "" || header(rs[i], topology.HeaderID) != e.ID {
			t.Errorf("headers of a copy: %v", rs[i].Headers)
		}
		if strings.Contains(string(rs[i].Value), "CANARY") || strings.HasPrefix(string(e.Key), "c") || int(rs[i].Partition) != int(topology.Partition(rs[i].Key, 2)) {
			t.Errorf("copy %d shows what it must not, or is in the wrong place", i)
		}
	}
	_, err := a.deliver(kafka.Redelivery{ID: "a"})
	code(t, err, kafka.RedeliveryDone)
	a.rules = dryRules(t, careClaims, tables.Permission{Team: "care", Class: tables.ClassPHI})
	a.must(kafka.Redelivery{ID: "b", Choice: processors.EventChoice{Types: []string{"CLAIM_PAID"}}})
	if cs, _ = a.copies(); len(cs) != 6 || cs[slices.IndexFunc(cs, func(e events.Envelope) bool { return e.Type == "CLAIM_PAID" })].Key != "c1" {
		t.Errorf("%d copies after a permission was given", len(cs))
	}
	all, err := a.redeliverer().All(t.Context())
	stage.Must(t, err)
	if len(all) != 2 || all[0].ID != "b" || all[1].Delivered != 5 {
		t.Errorf("noted: %+v", all)
	}
}

// TestRedeliveryAsksOnlyAboutWhatIsSeen: an expression over what is withheld
// chooses nothing.
func TestRedeliveryAsksOnlyAboutWhatIsSeen(t *testing.T) {
	t.Parallel()
	a := newAgain(t)
	for where, want := range map[string]int64{`body.memberId == "CANARY"`: 0, `body.claimType == "PROFESSIONAL" && event.eventType == "CLAIM_SUBMITTED"`: 18, `body.providerId == "p1"`: 0, `body.nothing > 1`: 0} {
		out := a.must(kafka.Redelivery{ID: "a", DryRun: true, Choice: processors.EventChoice{Where: where, Types: []string{"CLAIM_SUBMITTED"}}})
		if out.Delivered != want {
			t.Errorf("%s chooses %d, want %d: %v", where, out.Delivered, want, out.PassedOver)
		}
	}
	for _, where := range []string{"1", "body.", "x == 1"} {
		if _, err := a.deliver(kafka.Redelivery{ID: "a", DryRun: true, Choice: processors.EventChoice{Where: where}}); err == nil {
			t.Errorf("%s is taken", where)
		}
	}
}

// TestRedeliveryGoesOnWhereItWasCut: each copy is written once, however often
// the run is cut short.
func TestRedeliveryGoesOnWhereItWasCut(t *testing.T) {
	t.Parallel()
	a := newAgain(t)
	cuts := 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		before := int64(-1)
		_, err := a.redeliverer().Redeliver(ctx, kafka.Redelivery{ID: "cut", Subscription: careClaims.ID(), Rate: 6}, func(d kafka.Redelivered) {
			if before < 0 {
				before = d.Delivered
			} else if d.Delivered > before+2 { // one batch is written
				cancel()
			}
		})
		cancel()
		if err == nil {
			break
		}
		if cuts++; cuts > 30 {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	cs, _ := a.copies()
	for _, e := range cs {
		if seen[e.ID] {
			t.Errorf("%s came twice", e.ID)
		}
		seen[e.ID] = true
	}
	if len(seen) != 19 || cuts == 0 {
		t.Errorf("%d events of 19, %d cuts", len(seen), cuts)
	}
}

// TestRedeliveryIsRefused where the reader or the past is not there.
func TestRedeliveryIsRefused(t *testing.T) {
	t.Parallel()
	paused, other := careClaims, careClaims
	paused.Name, paused.State, other.Name = "paused", tables.StatePaused, "other"
	a := newAgain(t, paused, other)
	for want, req := range map[string]kafka.Redelivery{
		kafka.NoSubscription: {Subscription: "care/none"}, kafka.NotActive: {Subscription: paused.ID()},
		kafka.NoSource: {Subscription: careClaims.ID(), Source: topologies.Routed.Topic.Name},
	} {
		_, err := a.redeliverer().Redeliver(t.Context(), req, func(kafka.Redelivered) {})
		code(t, err, want)
	}
	for _, topic := range []string{other.Topic(), "consumer.billing.claims", paid, "consumer.care."} {
		_, err := a.deliver(kafka.Redelivery{ID: "x", Topic: topic})
		code(t, err, kafka.NotTheirs)
	}
	if _, err := a.deliver(kafka.Redelivery{ID: "x", Topic: "consumer.care.new"}); !errors.Is(err, kafka.ErrTopicMissing) {
		t.Error(err)
	}
}

// kept is a past that has some records.
type kept struct {
	rs    []*kgo.Record
	lacks string
}

func (k kept) Lacks(context.Context, string, int32, int64, int64) (string, error) {
	return k.lacks, nil
}

func (k kept) Read(_ context.Context, topic string, partition int32, from, to int64, since time.Time, each func(*kgo.Record) error) error {
	for _, r := range k.rs {
		if r.Topic == topic && r.Partition == partition && r.Offset >= from && r.Offset < to && !r.Timestamp.Before(since) {
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestRedeliveryFromThePast: what topics have forgotten comes from elsewhere,
// and nothing is delivered where it is nowhere.
func TestRedeliveryFromThePast(t *testing.T) {
	t.Parallel()
	a := newAgain(t)
	firehose := topologies.Firehose.Topic.Name
	rs := a.raw(firehose)
	admin := kadm.NewClient(a.client)
	ends, err := admin.ListEndOffsets(t.Context(), firehose)
	stage.Must(t, err)
	cut := kadm.Offsets{}
	ends.Each(func(o kadm.ListedOffset) { cut.AddOffset(o.Topic, o.Partition, o.Offset/2+o.Offset%2, -1) })
	_, err = admin.DeleteRecords(t.Context(), cut)
	stage.Must(t, err)

	_, err = a.deliver(kafka.Redelivery{ID: "a"})
	code(t, err, kafka.PastIsLost)
	a.past = kept{lacks: "it begins at offset 1"}
	_, err = a.deliver(kafka.Redelivery{ID: "a"})
	code(t, err, kafka.PastIsLost)
	if !strings.Contains(err.Error(), "it begins at offset 1") || !strings.Contains(err.Error(), "begins at offset ") {
		t.Errorf("it does not say what is there: %v", err)
	}
	few := a.must(kafka.Redelivery{ID: "few", DryRun: true, Incomplete: true})
	a.past = kept{rs: rs}
	all := a.must(kafka.Redelivery{ID: "a"})
	if all.Delivered != 19 || few.Delivered >= all.Delivered {
		t.Errorf("%d from topics, %d with the past", few.Delivered, all.Delivered)
	}
	later := a.must(kafka.Redelivery{ID: "later", DryRun: true, Choice: processors.EventChoice{From: time.Now().Add(time.Hour)}})
	if later.Delivered != 0 {
		t.Errorf("%d events of the future", later.Delivered)
	}
}
