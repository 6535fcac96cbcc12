package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// cluster is an embedded broker and registry with the mediator's topics.
func openFirehose(t testing.TB, broker string, s topology.Schemas) *kafka.Firehose {
	t.Helper()
	f, err := kafka.OpenFirehose([]string{broker}, s)
	stage.Must(t, err)
	t.Cleanup(f.Close)
	return f
}

func received(key string) events.Envelope {
	return events.Envelope{ID: "id-" + key, Type: "Member-PCP-Change", TypeVersion: 1, Key: events.ID(key), TransactionID: "t1", UserID: "u1",
		At: events.InstantOf(time.Date(2018, 3, 5, 13, 15, 40, 0, time.UTC)), SourceSystem: "host.MEMBER_CONTACT", Synthetic: true,
		Tags: []string{"a,b", "state:MO"}, Extensions: map[string]string{"severity": "low"}, ReceivedAt: events.InstantOf(time.Now()), Digest: "d", Body: `{"a":1}`}
}

// stored reads one record back.
func stored(t *testing.T, broker string, at kafka.Coordinates) *kgo.Record {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{at.Topic: {at.Partition: kgo.NewOffset().At(at.Offset)}}))
	stage.Must(t, err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	fetches := c.PollRecords(ctx, 1)
	stage.Must(t, fetches.Err0())
	return fetches.Records()[0]
}

func TestFirehoseWritesCloudEventsByKey(t *testing.T) {
	broker, schemas := stage.Cluster(t)
	f := openFirehose(t, broker.Addr(), schemas)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	var es []events.Envelope
	for i := range 40 {
		es = append(es, received(fmt.Sprintf("m%d", i)))
	}
	es[1].Extensions = map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	placed := f.Publish(trace.ContextWithSpanContext(t.Context(), span), es)
	for i, p := range placed {
		stage.Must(t, p.Err)
		if want := topology.Partition([]byte(es[i].Key), topologies.Firehose.Topic.Partitions); p.Partition != want || p.Topic != "mediator.event.received" {
			t.Fatalf("record %d is at %+v, want partition %d", i, p.Coordinates, want)
		}
	}
	serde, err := topologies.Firehose.Codec.Bind(schemas, topologies.Firehose.Topic.Name)
	stage.Must(t, err)
	r := stored(t, broker.Addr(), placed[0].Coordinates)
	e, err := serde.Decode(r.Value)
	stage.Must(t, err)
	if e.ID != es[0].ID || e.Body != es[0].Body || string(r.Key) != string(es[0].Key) {
		t.Error("the record is not the envelope")
	}
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	for name, want := range map[string]string{"ce_id": "id-m0", "ce_type": "Member-PCP-Change", "ce_source": "host.MEMBER_CONTACT", "ce_specversion": "1.0",
		"ce_time": "2018-03-05T13:15:40Z", "ce_synthetic": "true", "ce_transactionid": "t1", "ce_userid": "u1", "ce_tags": "a%2Cb,state:MO", "ce_severity": "low",
		"traceparent": "00-01000000000000000000000000000000-0200000000000000-01"} {
		if headers[name] != want {
			t.Errorf("%s is %q, want %q", name, headers[name], want)
		}
	}
	second := stored(t, broker.Addr(), placed[1].Coordinates)
	for _, h := range second.Headers {
		if h.Key == "traceparent" && string(h.Value) != es[1].Extensions["traceparent"] {
			t.Error("the event's own trace was not kept")
		}
	}
}

func TestFirehoseRefusesWhatTheTopicRefuses(t *testing.T) {
	broker, schemas := stage.Cluster(t)
	f := openFirehose(t, broker.Addr(), schemas)
	large := received("large")
	large.Body = events.Body(`{"a":"` + strings.Repeat("x", topologies.Firehose.Topic.MaxMessageBytes) + `"}`)
	placed := f.Publish(t.Context(), []events.Envelope{large, received("small")})
	var fault topology.Fault
	if !errors.As(placed[0].Err, &fault) || fault.Code() != codecs.TooLarge {
		t.Errorf("too large: %v", placed[0].Err)
	}
	stage.Must(t, placed[1].Err)
}

// TestFirehoseWithoutBroker: the caller is told in time, that its envelope may
// pass later; and that a caller went away harms no other.
func TestFirehoseWithoutBroker(t *testing.T) {
	broker, schemas := stage.Cluster(t)
	f := openFirehose(t, broker.Addr(), schemas)
	before := f.Publish(t.Context(), []events.Envelope{received("left")})[0]
	stage.Must(t, before.Err)
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := f.Publish(gone, []events.Envelope{received("left")})[0].Err; err != nil && !errors.Is(err, topology.ErrUnavailable) {
		t.Errorf("a caller that left: %v", err)
	}
	after := f.Publish(t.Context(), []events.Envelope{received("left")})[0]
	stage.Must(t, after.Err)
	if after.Offset != before.Offset+2 {
		t.Errorf("the record of a caller that left was taken back: %d, then %d", before.Offset, after.Offset)
	}
	stage.Must(t, broker.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := f.Publish(ctx, []events.Envelope{received("away")})[0].Err
	if !errors.Is(err, topology.ErrUnavailable) || strings.Contains(err.Error(), "away") {
		t.Errorf("without a broker: %v", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}
