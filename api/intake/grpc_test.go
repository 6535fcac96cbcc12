package intake_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"payerflow/api/intake"
	"payerflow/api/intake/intakepb"
	"payerflow/api/intake/intakepb/intakepbconnect"
	"payerflow/internal/stage"
)

func committedOf(topic string, partition int32, offset int64, id, token string) intake.Committed {
	return intake.Committed{Topic: topic, Partition: partition, Offset: offset, ID: id, Token: token}
}

// h2c speaks HTTP/2 without TLS.
func h2c() *http.Client {
	t := &http.Transport{Protocols: new(http.Protocols)}
	t.Protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: t}
}

func protoEvent(n int) *intakepb.Event {
	return &intakepb.Event{Metadata: &intakepb.Metadata{Noun: "KaaS", Verb: "Requested", Object: "Topic", Subobject: "Creation", TransactionId: fmt.Sprint("t-", n),
		TimeStamp: "2026-11-21T11:00:00Z", SourceSystem: "ui", Synthetic: proto.Bool(false), Tags: []string{"b", "a"}}, Body: fmt.Sprintf(`{"topic":{"name":"topic-%d"}}`, n)}
}

// TestProtocols: gRPC, gRPC-Web and Connect, the last as protobuf and as JSON.
func TestProtocols(t *testing.T) {
	d := start(t, nil)
	for name, client := range map[string]intakepbconnect.IntakeServiceClient{
		"grpc":         intakepbconnect.NewIntakeServiceClient(h2c(), d.url, connect.WithGRPC()),
		"grpc, gzip":   intakepbconnect.NewIntakeServiceClient(h2c(), d.url, connect.WithGRPC(), connect.WithSendGzip()),
		"grpc-web":     intakepbconnect.NewIntakeServiceClient(http.DefaultClient, d.url, connect.WithGRPCWeb()),
		"connect":      intakepbconnect.NewIntakeServiceClient(http.DefaultClient, d.url),
		"connect json": intakepbconnect.NewIntakeServiceClient(http.DefaultClient, d.url, connect.WithProtoJSON()),
	} {
		resp, err := client.Publish(t.Context(), connect.NewRequest(&intakepb.PublishRequest{Event: protoEvent(1), IdempotencyKey: "g-1"}))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c := resp.Msg.GetCommitted()
		e, headers := d.record(committedOf(c.GetTopic(), c.GetPartition(), c.GetOffset(), c.GetId(), c.GetToken()))
		if e.Key != "topic-1" || e.Type != "KaaS-Requested-Topic-Creation" || !slices.Equal(e.Tags, []string{"a", "b"}) || headers["traceparent"] == "" {
			t.Errorf("%s: envelope %+v", name, e)
		}
		bad := protoEvent(2)
		bad.Metadata.Synthetic, bad.Metadata.EventId, bad.Body = nil, "a\r\nb", `{"topic":{"name":{}}}`
		_, err = client.Publish(t.Context(), connect.NewRequest(&intakepb.PublishRequest{Event: bad}))
		refusal := refusalOf(t, err, connect.CodeInvalidArgument)
		var got []string
		for _, f := range refusal.GetFaults() {
			got = append(got, f.GetCode()+" "+f.GetPointer())
		}
		if want := []string{"INVALID_VALUE /body/topic/name", "INVALID_VALUE /metadata/event_id", "MISSING_FIELD /metadata/synthetic"}; !slices.Equal(got, want) {
			t.Errorf("%s: faults %q", name, got)
		}
	}
}

func refusalOf(t *testing.T, err error, code connect.Code) *intakepb.Refusal {
	t.Helper()
	var e *connect.Error
	if !errors.As(err, &e) || e.Code() != code {
		t.Fatalf("error %v, want %v", err, code)
	}
	for _, detail := range e.Details() {
		v, err := detail.Value()
		stage.Must(t, err)
		if r, ok := v.(*intakepb.Refusal); ok {
			return r
		}
	}
	t.Fatalf("no refusal in %v", err)
	return nil
}

func TestGRPCRefusals(t *testing.T) {
	d := start(t, nil)
	client := intakepbconnect.NewIntakeServiceClient(h2c(), d.url, connect.WithGRPC())
	publish := func(r *intakepb.PublishRequest) error {
		_, err := client.Publish(t.Context(), connect.NewRequest(r))
		return err
	}
	other := protoEvent(1)
	other.Metadata.Noun = "Secret"
	refusalOf(t, publish(&intakepb.PublishRequest{Event: other}), connect.CodePermissionDenied)
	refusalOf(t, publish(&intakepb.PublishRequest{}), connect.CodeInvalidArgument)
	refusalOf(t, publish(&intakepb.PublishRequest{Event: protoEvent(1), IdempotencyKey: "a\nb"}), connect.CodeInvalidArgument)
	for _, body := range []string{"", "{", "[]", "7", strings.Repeat(`{"a":`, 100_000), `{"a":1e999999}`, `{"a":"\ud800"}`} {
		e := protoEvent(1)
		e.Body = body
		refusalOf(t, publish(&intakepb.PublishRequest{Event: e}), connect.CodeInvalidArgument)
	}
	future := &intakepb.PublishRequest{Event: protoEvent(1)}
	future.GetEvent().GetMetadata().ProtoReflect().SetUnknown([]byte{0xf8, 0x07, 0x01})
	if r := refusalOf(t, publish(future), connect.CodeInvalidArgument); r.GetFaults()[0].GetCode() != "UNKNOWN_FIELD" {
		t.Errorf("refusal %v", r)
	}
	large := protoEvent(1)
	large.Body = `{"topic":{"name":"x"},"pad":"` + strings.Repeat("x", intake.MaxBytes) + `"}`
	var e *connect.Error
	if err := publish(&intakepb.PublishRequest{Event: large}); !errors.As(err, &e) || e.Code() != connect.CodeResourceExhausted {
		t.Errorf("too large: %v", err)
	}
	zipped := intakepbconnect.NewIntakeServiceClient(h2c(), d.url, connect.WithGRPC(), connect.WithSendGzip())
	if _, err := zipped.Publish(t.Context(), connect.NewRequest(&intakepb.PublishRequest{Event: large})); !errors.As(err, &e) || e.Code() != connect.CodeResourceExhausted {
		t.Errorf("a bomb: %v", err)
	}
	d.stale.Store(true)
	if r := refusalOf(t, publish(&intakepb.PublishRequest{Event: protoEvent(1)}), connect.CodeUnavailable); r.GetRetryAfter() == 0 {
		t.Error("no retry-after")
	}
	d.caller.Store(nil)
	refusalOf(t, publish(&intakepb.PublishRequest{Event: protoEvent(1)}), connect.CodeUnauthenticated)
	if d.count() != 0 {
		t.Error("a refused event was published")
	}
}

// TestConnectJSONIsStrict: what the message does not have is refused, and the
// answer repeats nothing.
func TestConnectJSONIsStrict(t *testing.T) {
	d := start(t, nil)
	for _, doc := range []string{`{"event":{"metadata":{"canary":"canary"}}}`, `{"event":{"metadata":{"synthetic":"canary"}}}`, `{"event":{},"event":{}}`, ``, `{`,
		strings.Repeat(`{"event":`, 100_000)} {
		resp, err := http.Post(d.url+intakepbconnect.IntakeServicePublishProcedure, "application/json", strings.NewReader(doc))
		stage.Must(t, err)
		b, err := io.ReadAll(resp.Body)
		stage.Must(t, err)
		resp.Body.Close()
		if resp.StatusCode != 400 || strings.Contains(string(b), "canary") {
			t.Errorf("%.60s: %d %s", doc, resp.StatusCode, b)
		}
	}
}

func TestPublishStream(t *testing.T) {
	d := start(t, nil)
	client := intakepbconnect.NewIntakeServiceClient(h2c(), d.url, connect.WithGRPC())
	const events, bad = 600, 300
	s := client.PublishStream(t.Context())
	for n := range events {
		e := protoEvent(n % 7)
		if n == bad {
			e.Metadata.Synthetic = nil
		}
		stage.Must(t, s.Send(&intakepb.PublishStreamRequest{Event: e, IdempotencyKey: fmt.Sprint("s-", n)}))
	}
	resp, err := s.CloseAndReceive()
	stage.Must(t, err)
	results := resp.Msg.GetResults()
	if len(results) != events || d.count() != events-1 {
		t.Fatalf("%d results, %d records", len(results), d.count())
	}
	last := map[int32]int64{}
	for n, r := range results {
		if n == bad {
			if r.GetRefusal().GetStatus() != 422 {
				t.Errorf("result %d: %v", n, r)
			}
			continue
		}
		c := r.GetCommitted()
		if before, ok := last[c.GetPartition()]; ok && c.GetOffset() <= before {
			t.Fatalf("result %d: the order of an entity's events is lost", n)
		}
		last[c.GetPartition()] = c.GetOffset()
	}
}

// TestPublishStreamBounds: a stream that is too long is refused; one that
// cannot be committed ends early with what there is.
func TestPublishStreamBounds(t *testing.T) {
	d := start(t, func(o *intake.Options) { o.Requests = 1 })
	client := intakepbconnect.NewIntakeServiceClient(h2c(), d.url, connect.WithGRPC())
	d.stale.Store(true)
	s := client.PublishStream(t.Context())
	stage.Must(t, s.Send(&intakepb.PublishStreamRequest{Event: protoEvent(1)}))
	resp, err := s.CloseAndReceive()
	stage.Must(t, err)
	if r := resp.Msg.GetResults(); len(r) != 1 || r[0].GetRefusal().GetStatus() != 503 {
		t.Errorf("results %v", r)
	}
	d.stale.Store(false)
	// one stream is all that there is room for
	open := client.PublishStream(t.Context())
	stage.Must(t, open.Send(&intakepb.PublishStreamRequest{Event: protoEvent(1)}))
	stage.Await(t, "the first event", func() bool { return d.count() > 0 })
	_, err = client.Publish(t.Context(), connect.NewRequest(&intakepb.PublishRequest{Event: protoEvent(1)}))
	if r := refusalOf(t, err, connect.CodeResourceExhausted); r.GetStatus() != 429 {
		t.Errorf("refusal %v", r)
	}
	_, err = open.CloseAndReceive()
	stage.Must(t, err)
}

// TestRevokedTokenEndsStreams: at once, and nothing more is taken.
func TestRevokedTokenEndsStreams(t *testing.T) {
	d := start(t, nil)
	tokens, revoke := context.WithCancel(t.Context())
	d.tokens.Store(&tokens)
	s := intakepbconnect.NewIntakeServiceClient(h2c(), d.url, connect.WithGRPC()).PublishStream(t.Context())
	stage.Must(t, s.Send(&intakepb.PublishStreamRequest{Event: protoEvent(1)}))
	stage.Await(t, "the first event", func() bool { return d.count() > 0 })
	begin := time.Now()
	revoke()
	for s.Send(&intakepb.PublishStreamRequest{Event: protoEvent(2)}) == nil && time.Since(begin) < 10*time.Second {
		continue
	}
	var e *connect.Error
	if _, err := s.CloseAndReceive(); !errors.As(err, &e) || e.Code() != connect.CodeUnauthenticated || time.Since(begin) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
}

// TestSlowSenders: who sends nothing does not keep others out.
func TestSlowSenders(t *testing.T) {
	d := start(t, func(o *intake.Options) { o.Patience, o.Requests = time.Second, 1 })
	stalled, more := io.Pipe()
	defer more.Close()
	d.refusal(d.send(http.Header{"Content-Type": {plain}}, io.MultiReader(strings.NewReader("{"), stalled)), 408)
	client := intakepbconnect.NewIntakeServiceClient(h2c(), d.url, connect.WithGRPC())
	s := client.PublishStream(t.Context())
	stage.Must(t, s.Send(&intakepb.PublishStreamRequest{Event: protoEvent(1)}))
	stage.Await(t, "the stream's place", func() bool { return d.post(plain, camelEvent).status != 429 })
	if a := d.post(plain, camelEvent); a.status != 201 {
		t.Errorf("an idle stream keeps others out: %d", a.status)
	}
}

func TestHealthAndReflection(t *testing.T) {
	d := start(t, nil)
	check := func(want string) {
		t.Helper()
		resp, err := http.Post(d.url+"/grpc.health.v1.Health/Check", "application/json", strings.NewReader(`{"service":"payerflow.v1.IntakeService"}`))
		stage.Must(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		stage.Must(t, err)
		if resp.StatusCode != 200 || !strings.Contains(string(b), want) {
			t.Errorf("%d %s, want %s", resp.StatusCode, b, want)
		}
	}
	check(`_SERVING"`)
	d.stale.Store(true)
	check(`_NOT_SERVING"`)
	resp, err := h2c().Post(d.url+"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "application/grpc", strings.NewReader("\x00\x00\x00\x00\x02\x3a\x00"))
	stage.Must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	stage.Must(t, err)
	if !strings.Contains(string(b), "payerflow.v1.IntakeService") {
		t.Errorf("reflection: %q", b)
	}
}
