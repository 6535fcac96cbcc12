package kafka_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

const (
	paid    = "claims.claim.paid"
	paidDLQ = paid + ".dlq"
)

// yard is a broker with topics and dead letters.
type yard struct {
	t       *testing.T
	brokers []string
	schemas *codecs.Memory
	client  *kgo.Client
}

func newYard(t *testing.T) *yard {
	t.Helper()
	broker := stage.Broker(t, embedded.BrokerConfig{DataDir: t.TempDir()})
	stage.Topics(t, broker.Addr(), topologies.Topics()...)
	y := &yard{t: t, brokers: []string{broker.Addr()}, schemas: &codecs.Memory{}}
	var err error
	if y.client, err = kgo.NewClient(kgo.SeedBrokers(y.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.UnknownTopicRetries(20)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(y.client.Close)
	return y
}

func (y *yard) letters() *kafka.DeadLetters {
	return &kafka.DeadLetters{Brokers: y.brokers, Schemas: y.schemas}
}

// park writes dead letters of claims.claim.paid to the partitions of their keys.
func (y *yard) park(ds ...codecs.DeadLetter) {
	y.t.Helper()
	serde, err := codecs.DeadLetters.Bind(y.schemas, paidDLQ)
	if err != nil {
		y.t.Fatal(err)
	}
	var rs []*kgo.Record
	for _, d := range ds {
		value, err := serde.Encode(d)
		if err != nil {
			y.t.Fatal(err)
		}
		rs = append(rs, &kgo.Record{Topic: paidDLQ, Partition: d.Metadata.OriginalPartition, Key: d.OriginalKey, Value: value})
	}
	if err := y.client.ProduceSync(y.t.Context(), rs...).FirstErr(); err != nil {
		y.t.Fatal(err)
	}
}

// payment is a body of CLAIM_PAID; it decodes, whatever its amount says.
func (y *yard) payment(claim, amount string) []byte {
	y.t.Helper()
	body, faults := codecs.CheckBody(fmt.Appendf(nil, `{"eventType":"CLAIM_PAID","claimId":%q,"memberId":"m1","providerId":"p1","paymentId":"pay1","paidAmount":%q,"paidAt":"2026-03-03T00:00:00Z"}`, claim, amount))
	if len(faults) > 0 {
		y.t.Fatal(faults)
	}
	topic, _ := topologies.TopicOf(paid)
	value, err := codecs.NewBodies(y.schemas).Encode(topic, body)
	if err != nil {
		y.t.Fatal(err)
	}
	return value
}

func dead(n int, key, code string, payload []byte) codecs.DeadLetter {
	id := fmt.Sprintf("id-%d", n)
	d := codecs.DeadLetter{OriginalKey: []byte(key), OriginalPayload: payload,
		OriginalHeaders: []codecs.DLQHeader{{Key: "traceparent", Value: []byte("00-t-s-01")}},
		Metadata: codecs.DLQMetadata{OriginalTopic: paid, OriginalPartition: topology.Partition([]byte(key), 6), OriginalOffset: int64(n), ReasonCode: code,
			FailureReason: "for a reason", FailedAt: events.InstantOf(time.Now()), ConsumerGroup: "g", EventID: &id}}
	if code == codecs.BadFrame {
		d.Metadata.EventID = nil
	}
	return d
}

// landed reads everything that a topic holds, in the order of its partitions.
func (y *yard) landed(topic string) (out []*kgo.Record) {
	y.t.Helper()
	err := kafka.Tail(y.t.Context(), y.brokers, topic, y.schemas, kafka.TailOptions{FromStart: true}, func(s kafka.Shown) error {
		r := &kgo.Record{Topic: s.Topic, Partition: s.Partition, Offset: s.Offset, Key: []byte(s.Key), Value: s.Value}
		for k, v := range s.Headers {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: k, Value: []byte(v)})
		}
		out = append(out, r)
		return nil
	})
	if err != nil {
		y.t.Fatal(err)
	}
	slices.SortStableFunc(out, func(a, b *kgo.Record) int { return int(a.Partition - b.Partition) })
	return out
}

func (y *yard) handle(h kafka.Handling) kafka.Handled {
	y.t.Helper()
	h.DLQ, h.By = paidDLQ, "tester"
	out, err := y.letters().Handle(y.t.Context(), h)
	if err != nil {
		y.t.Fatal(err)
	}
	return out
}

func (y *yard) list() kafka.DLQ {
	y.t.Helper()
	qs, err := y.letters().List(y.t.Context(), time.Now(), paidDLQ)
	if err != nil || len(qs) != 1 {
		y.t.Fatalf("%d topics: %v", len(qs), err)
	}
	return qs[0]
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

func TestDeadLettersAreListedShownRedrivenAndDropped(t *testing.T) {
	y := newYard(t)
	y.park(dead(1, "c1", "FOLD_PANICKED", y.payment("c1", "5.00")), dead(2, "c1", "FOLD_PANICKED", y.payment("c1", "6.00")),
		dead(3, "c2", codecs.BadFrame, []byte{0xff, 0x00, 'S', 'S', 'N'}), dead(4, "c3", "NULL_VALUE", nil))
	if q := y.list(); q.Count != 4 || q.Reasons["FOLD_PANICKED"] != 2 || q.Hour != 4 || q.Oldest == nil || q.Handled != 0 {
		t.Errorf("%+v", q)
	}
	var shown []kafka.DeadLetter
	if _, err := y.letters().Show(t.Context(), paidDLQ, processors.DeadLetterFilter{}, false, func(d kafka.DeadLetter) (bool, error) {
		shown = append(shown, d)
		return true, nil
	}); err != nil || len(shown) != 4 {
		t.Fatalf("%d shown: %v", len(shown), err)
	}
	for _, d := range shown {
		doc, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var seed struct {
			DLQMetadata     map[string]any `json:"dlqMetadata"`
			OriginalPayload any            `json:"originalPayload"`
		}
		if err := json.Unmarshal(doc, &seed); err != nil || seed.DLQMetadata["originalTopic"] != paid || seed.DLQMetadata["retryCount"] != 0.0 {
			t.Errorf("%s: %v", doc, err)
		}
		if decodes := d.Metadata.ReasonCode == "FOLD_PANICKED"; decodes != (seed.OriginalPayload != nil) || decodes != (d.Fault == "") {
			t.Errorf("%s shows %v, %q", d.Metadata.ReasonCode, seed.OriginalPayload, d.Fault)
		}
		if strings.Contains(string(doc), "SSN") {
			t.Error("bytes that do not decode are shown")
		}
	}

	only := processors.DeadLetterFilter{Where: `payload.paidAmount == "6.00"`}
	if out := y.handle(kafka.Handling{Filter: only, DryRun: true}); out.Done != 1 || out.Unjudged != 2 || len(y.landed(paid)) != 0 {
		t.Errorf("dry run %+v", out)
	}
	if out := y.handle(kafka.Handling{Filter: only}); out.Done != 1 || out.Chosen != 1 {
		t.Errorf("%+v", out)
	}
	if out := y.handle(kafka.Handling{Filter: only}); out.Done != 0 || out.Before != 1 {
		t.Errorf("a second redrive: %+v", out)
	}
	rs := y.landed(paid)
	if len(rs) != 1 {
		t.Fatalf("%d records came back", len(rs))
	}
	r := rs[0]
	if string(r.Key) != "c1" || r.Partition != topology.Partition([]byte("c1"), 6) || header(r, topology.HeaderID) != "id-2" || header(r, "traceparent") == "" ||
		header(r, topology.HeaderFirstTopic) != paid || header(r, topology.HeaderFirstOffset) != "2" || header(r, topology.HeaderRedriven) == "" {
		t.Errorf("%q to partition %d with %q", r.Key, r.Partition, r.Headers)
	}
	if q := y.list(); q.Count != 3 || q.Handled != 1 {
		t.Errorf("%+v", q)
	}
	if out := y.handle(kafka.Handling{Filter: processors.DeadLetterFilter{Reasons: []string{codecs.BadFrame}}, Drop: true, Why: "a test client"}); out.Done != 1 {
		t.Errorf("drop: %+v", out)
	}
	if out := y.handle(kafka.Handling{}); out.Done != 2 || out.Before > 2 {
		t.Errorf("%+v", out)
	}
	if q := y.list(); q.Count != 0 || q.Handled != 4 || q.Oldest != nil {
		t.Errorf("%+v", q)
	}
}

func TestAPayloadIsMendedBeforeItGoesBack(t *testing.T) {
	y := newYard(t)
	y.park(dead(1, "wrong", topology.KeyMismatch, y.payment("c1", "5.00")), dead(2, "c2", codecs.BadFrame, []byte{1, 2, 3}), dead(3, "c3", "X", y.payment("c3", "7.00")))
	patch := func(text string) func(kafka.DeadLetter) ([]byte, error) {
		mend, err := kafka.MergePatch([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return mend
	}
	out := y.handle(kafka.Handling{Mend: patch(`{"paidAmount":"a lot"}`)})
	if out.Done != 0 || out.Refused["NOT_MENDED"] != 2 || out.Refused["NOT_DECODABLE"] != 1 || len(y.landed(paid)) != 0 {
		t.Errorf("%+v", out)
	}
	if i := slices.IndexFunc(out.Faults, func(f kafka.RefusedBy) bool { return f.Code == "NOT_MENDED" }); i < 0 || out.Faults[i].Faults[0].At != "/paidAmount" {
		t.Errorf("%+v", out.Faults)
	}
	if doc, _ := json.Marshal(out); strings.Contains(string(doc), "a lot") {
		t.Errorf("the value is in %s", doc)
	}
	if out = y.handle(kafka.Handling{Mend: patch(`{"paidAmount":"9.99"}`), Filter: processors.DeadLetterFilter{Where: `key == "wrong"`}}); out.Done != 1 {
		t.Fatalf("%+v", out)
	}
	r := y.landed(paid)[0]
	if string(r.Key) != "c1" || r.Partition != topology.Partition([]byte("c1"), 6) || !strings.Contains(string(r.Value), `"9.99"`) || header(r, topology.HeaderID) != "id-1" {
		t.Errorf("%q to %d: %s", r.Key, r.Partition, r.Value)
	}
	if _, err := kafka.MergePatch([]byte(`[1]`)); err == nil {
		t.Error("a patch that is no object is taken")
	}
}

func TestWhatIsNotRedriven(t *testing.T) {
	y := newYard(t)
	foreign := dead(1, "c1", "X", y.payment("c1", "5.00"))
	foreign.Metadata.OriginalTopic = "mediator.control"
	y.park(foreign)
	if err := y.client.ProduceSync(t.Context(), &kgo.Record{Topic: paidDLQ, Value: []byte("no dead letter")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if out := y.handle(kafka.Handling{}); out.Done != 0 || out.Refused["FOREIGN_TOPIC"] != 2 || y.list().Reasons["NOT_A_DEAD_LETTER"] != 1 {
		t.Errorf("%+v", out)
	}
	for _, dlq := range []string{"no.such.topic.dlq", paidDLQ + ".dlq", topologies.SLA.Name + "-table.dlq"} {
		if _, err := y.letters().Handle(t.Context(), kafka.Handling{DLQ: dlq}); err == nil {
			t.Errorf("%s is redriven", dlq)
		}
	}
	if _, err := y.letters().List(t.Context(), time.Now(), "no.such.dlq"); !errors.Is(err, kafka.ErrTopicMissing) {
		t.Errorf("%v", err)
	}
	if out := y.handle(kafka.Handling{Drop: true}); out.Done != 2 || y.list().Count != 0 {
		t.Errorf("drop: %+v", out)
	}
}

func TestAKeysOrderIsKept(t *testing.T) {
	y := newYard(t)
	var ds []codecs.DeadLetter
	for n := range 1500 {
		key := fmt.Sprintf("c%d", n%7)
		ds = append(ds, dead(n, key, "X", y.payment(key, fmt.Sprintf("%d.00", n))))
	}
	y.park(ds...)
	if out := y.handle(kafka.Handling{}); out.Done != 1500 {
		t.Fatalf("%+v", out)
	}
	last := map[string]int{}
	for _, r := range y.landed(paid) {
		var n int
		if _, err := fmt.Sscanf(header(r, topology.HeaderID), "id-%d", &n); err != nil {
			t.Fatal(err)
		}
		if before, ok := last[string(r.Key)]; ok && before >= n {
			t.Fatalf("%d after %d", n, before)
		}
		last[string(r.Key)] = n
	}
}

// Two operators at once: the later run goes on, the earlier ends, nothing goes
// back twice.
func TestOfTwoRedrivesTheLaterGoesOn(t *testing.T) {
	y := newYard(t)
	var ds []codecs.DeadLetter
	for n := range 3000 {
		key := fmt.Sprintf("c%d", n%50)
		ds = append(ds, dead(n, key, "X", y.payment(key, "5.00")))
	}
	y.park(ds...)
	first, stopped, seen := y.letters(), make(chan error, 1), 0
	half, goOn := make(chan struct{}), make(chan struct{})
	first.Passed = func(n int64) {
		if seen += int(n); seen >= 1500 && half != nil {
			close(half)
			<-goOn
			half = nil
		}
	}
	ready := half
	go func() {
		_, err := first.Handle(context.WithoutCancel(t.Context()), kafka.Handling{DLQ: paidDLQ})
		stopped <- err
	}()
	<-ready
	out, err := y.letters().Handle(t.Context(), kafka.Handling{DLQ: paidDLQ})
	close(goOn)
	if early := <-stopped; err != nil || !errors.Is(early, kafka.ErrOvertaken) {
		t.Errorf("the later: %v; the earlier: %v", err, early)
	}
	ids := map[string]int{}
	for _, r := range y.landed(paid) {
		ids[header(r, topology.HeaderID)]++
	}
	if len(ids) != 3000 || len(y.landed(paid)) != 3000 || out.Done == 3000 || y.list().Count != 0 {
		t.Errorf("%d ids in %d records; %+v", len(ids), len(y.landed(paid)), out)
	}
}

// The router tells events with one identity apart by their digest: that of a
// mended one is made anew.
func TestAMendedEnvelopeHasADigestOfItsOwn(t *testing.T) {
	y := newYard(t)
	firehose := topologies.Firehose.Topic.Name
	serde, err := topologies.Firehose.Codec.Bind(y.schemas, firehose)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := codecs.Digest("T", "k1", `{"a":1}`)
	if err != nil {
		t.Fatal(err)
	}
	value, err := serde.Encode(events.Envelope{ID: "e1", Type: "T", Key: "k1", At: 1, ReceivedAt: 1, Tags: []string{}, Extensions: map[string]string{}, Body: `{"a":1}`, Digest: digest})
	if err != nil {
		t.Fatal(err)
	}
	letters, err := codecs.DeadLetters.Bind(y.schemas, firehose+".dlq")
	if err != nil {
		t.Fatal(err)
	}
	d := dead(1, "k1", "X", value)
	d.Metadata.OriginalTopic = firehose
	if value, err = letters.Encode(d); err != nil {
		t.Fatal(err)
	}
	if err := y.client.ProduceSync(t.Context(), &kgo.Record{Topic: firehose + ".dlq", Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	mend, err := kafka.MergePatch([]byte(`{"body":{"a":2},"tags":["mended"]}`))
	if err != nil {
		t.Fatal(err)
	}
	out, err := y.letters().Handle(t.Context(), kafka.Handling{DLQ: firehose + ".dlq", Mend: mend, Filter: processors.DeadLetterFilter{Where: `payload.body.a == 1`}})
	rs := y.landed(firehose)
	if err != nil || out.Done != 1 || len(rs) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	var e struct {
		Digest, Body string
		Tags         []string
	}
	want, err := codecs.Digest("T", "k1", `{"a":2}`)
	if err = errors.Join(err, json.Unmarshal(rs[0].Value, &e)); err != nil || e.Digest != want || e.Body != `{"a":2}` || len(e.Tags) != 1 {
		t.Errorf("%+v, %v: %s", e, err, rs[0].Value)
	}
}
