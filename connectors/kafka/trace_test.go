package kafka_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

const traced = "0b0a4d2e-trace-me"

// put writes records one second apart, and returns where the first is.
func (y *yard) put(rs ...*kgo.Record) kafka.Coordinates {
	y.t.Helper()
	begin := time.Now().Add(-time.Minute)
	for i, r := range rs {
		r.Timestamp = begin.Add(time.Duration(i) * time.Second)
	}
	if err := y.client.ProduceSync(y.t.Context(), rs...).FirstErr(); err != nil {
		y.t.Fatal(err)
	}
	return kafka.Coordinates{Topic: rs[0].Topic, Partition: rs[0].Partition, Offset: rs[0].Offset}
}

func withID(topic, id string, value []byte) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: []byte("c1"), Value: value, Headers: []kgo.RecordHeader{{Key: topology.HeaderID, Value: []byte(id)}}}
}

func (y *yard) traceOf(id string) kafka.Traced {
	y.t.Helper()
	out, err := (&kafka.Tracer{Brokers: y.brokers, Schemas: y.schemas}).Trace(y.t.Context(), id, time.Now().Add(-time.Hour))
	if err != nil {
		y.t.Fatal(err)
	}
	return out
}

func TestTraceFindsEveryHop(t *testing.T) {
	y := newYard(t)
	consumer := "consumer.ops.paid"
	if _, err := kadm.NewClient(y.client).CreateTopic(t.Context(), 1, 1, nil, consumer); err != nil {
		t.Fatal(err)
	}
	serde, err := topologies.Firehose.Codec.Bind(y.schemas, topologies.Firehose.Topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := serde.Encode(events.Envelope{ID: traced, Type: "CLAIM_PAID", Key: "c1", At: 1, ReceivedAt: 1, Tags: []string{}, Extensions: map[string]string{}, Body: `{"a":"SSN"}`})
	if err != nil {
		t.Fatal(err)
	}
	at := y.put(&kgo.Record{Topic: topologies.Firehose.Topic.Name, Partition: 3, Key: []byte("c1"), Value: envelope},
		withID(paid, traced, y.payment("c1", "5.00")), withID(paid, "another", y.payment("c1", "6.00")),
		withID(consumer, traced, envelope), &kgo.Record{Topic: topologies.ClaimStatus.Name + "-table", Key: []byte("c1"), Value: []byte("x" + traced + "y")},
		&kgo.Record{Topic: topologies.Router.Name + "-table", Key: []byte(traced), Value: []byte("row")})
	d := dead(1, "c1", "FOLD_PANICKED", y.payment("c1", "5.00"))
	id := traced
	d.Metadata.EventID = &id
	y.park(d, dead(2, "c1", "X", []byte(traced))) // the second only quotes it
	markers, err := topologies.Routed.Codec.Bind(y.schemas, topologies.Routed.Topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []int64{at.Offset, at.Offset + 1} {
		value, err := markers.Encode(events.BatchRouted{Worker: "w", RoutingHash: "abc", ControlOffset: 42, At: 1,
			Ranges: []events.Range{{Topic: at.Topic, Partition: 3, From: from, To: from + 1}}})
		if err != nil {
			t.Fatal(err)
		}
		y.put(&kgo.Record{Topic: topologies.Routed.Topic.Name, Key: []byte("w"), Value: value})
	}
	y.handle(kafka.Handling{})

	out := y.traceOf(traced)
	var stages []string
	for _, h := range out.Hops {
		stages = append(stages, h.Stage+" "+h.Code)
	}
	want := "firehose ,domain topic ,consumer topic ,row ,row ,dead letter FOLD_PANICKED,domain topic ,dead letter handled "
	if got := strings.Join(stages, ","); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if last := out.Hops[len(out.Hops)-2]; !strings.HasPrefix(last.Redriven, paidDLQ+"/") {
		t.Errorf("%+v", last)
	}
	if len(out.Markers) != 1 || out.Markers[0].ControlOffset != 42 || out.Markers[0].RoutingHash != "abc" || out.Markers[0].Covers != at {
		t.Errorf("%+v", out.Markers)
	}
	if doc, _ := json.Marshal(out); strings.Contains(string(doc), "SSN") || strings.Contains(string(doc), `"c1"`) {
		t.Errorf("%s", doc)
	}
	if out := y.traceOf("nobody"); len(out.Hops) != 0 || len(out.Markers) != 0 {
		t.Errorf("%+v", out)
	}
}

// A service that writes to a domain topic without an id is found by the id
// that follows from its record.
func TestTraceFindsARecordWithoutAnID(t *testing.T) {
	y := newYard(t)
	value := y.payment("c1", "5.00")
	y.put(&kgo.Record{Topic: paid, Key: []byte("c1"), Value: value}, &kgo.Record{Topic: paid, Key: []byte("c1"), Value: []byte{9}})
	serde, err := topologies.ClaimPaid.Codec.Bind(y.schemas, paid)
	if err != nil {
		t.Fatal(err)
	}
	e, err := serde.Decode(value)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := serde.Digest(e)
	if err != nil {
		t.Fatal(err)
	}
	if out := y.traceOf(topology.UUIDv5(paid, "c1", digest)); len(out.Hops) != 1 || out.Hops[0].Stage != kafka.StageDomain {
		t.Error(fmt.Sprint(len(out.Hops), " hops"))
	}
}
