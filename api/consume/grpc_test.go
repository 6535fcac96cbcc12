package consume_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"payerflow/api/consume/consumepb"
	"payerflow/api/consume/consumepb/consumepbconnect"
	"payerflow/events"
	"payerflow/internal/stage"
)

// consume opens a stream over gRPC.
func (w *worker) consume(token, sub, from string, opts ...connect.ClientOption) *connect.ServerStreamForClient[consumepb.ConsumeResponse] {
	w.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	w.Cleanup(transport.CloseIdleConnections)
	client := consumepbconnect.NewSubscriptionsServiceClient(&http.Client{Transport: transport}, w.http.URL, opts...)
	req := connect.NewRequest(&consumepb.ConsumeRequest{Team: team, Name: sub, From: from})
	req.Header().Set("Authorization", "Bearer "+token)
	ctx, cancel := context.WithCancel(w.Context())
	s, err := client.Consume(ctx, req)
	stage.Must(w, err)
	w.Cleanup(func() { cancel(); s.Close() })
	return s
}

// events reads n events and the position after the last.
func eventsOf(t *testing.T, s *connect.ServerStreamForClient[consumepb.ConsumeResponse], n int) (ids []string, last *consumepb.ConsumeResponse) {
	t.Helper()
	for len(ids) < n && s.Receive() {
		if e := s.Msg().GetEvent(); e != nil {
			ids = append(ids, e.GetId())
			last = s.Msg()
		}
	}
	if len(ids) < n {
		t.Fatalf("after %v: %v", ids, s.Err())
	}
	return ids, last
}

// endOf reads on to the end.
func endOf(s *connect.ServerStreamForClient[consumepb.ConsumeResponse]) (connect.Code, string) {
	for s.Receive() {
	}
	err := s.Err()
	code, _, _ := strings.Cut(strings.TrimPrefix(fmt.Sprint(err), connect.CodeOf(err).String()+": "), ":")
	return connect.CodeOf(err), code
}

func TestGRPC(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	id, token := s.token(team, "*")
	_, other := s.token("billing", "*")
	l := quick()
	l.Streams = 20
	w := s.worker(l)
	s.deliver(sub, 0, 0, 5)
	for name, opt := range map[string]connect.ClientOption{"grpc": connect.WithGRPC(), "grpc-web": connect.WithGRPCWeb(), "connect": connect.WithProtoJSON()} {
		in := w.consume(token, "visits", "", opt)
		got, last := eventsOf(t, in, 3)
		if joined(got) != joined(numbered(0, 3)) {
			t.Errorf("%s: %v", name, got)
		}
		if e := last.GetEvent(); e.GetBody() != `{"n":2,"id":"visit-1","note":"`+canary+`"}` || e.GetType() != eventType || len(e.GetTags()) != 2 || e.GetUserId() != events.Redacted {
			t.Errorf("%s: %v", name, e)
		}
		in.Close()
		rest, _ := eventsOf(t, w.consume(token, "visits", last.GetPosition(), opt), 2)
		if joined(rest) != joined(numbered(3, 5)) {
			t.Errorf("%s resumes with %v", name, rest)
		}
	}
	reset := w.consume(token, "visits", "00000000.0:3", connect.WithGRPC())
	if !reset.Receive() || reset.Msg().GetReset_() == nil {
		t.Errorf("%v %v", reset.Msg(), reset.Err())
	}
	for _, c := range []struct {
		token, sub, from string
		want             connect.Code
	}{{other, "visits", "", connect.CodePermissionDenied}, {token, "nothing", "", connect.CodeNotFound}, {token, "visits", "x", connect.CodeInvalidArgument}, {"pf_x", "visits", "", connect.CodeUnauthenticated}} {
		if code, _ := endOf(w.consume(c.token, c.sub, c.from, connect.WithGRPC())); code != c.want {
			t.Errorf("%+v: %s", c, code)
		}
	}
	open := w.consume(token, "visits", "", connect.WithGRPC())
	eventsOf(t, open, 5)
	began := time.Now()
	s.Revoke(id)
	if code, text := endOf(open); code != connect.CodeUnauthenticated || text != "INVALID_TOKEN" {
		t.Errorf("revoked: %s %s", code, text)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("revoked took %s", took)
	}
}

func TestGRPCSlowReader(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	l := quick()
	l.Streams = 1
	const n = 3000                // with the padding, more than a client of HTTP/2 buffers
	random := make([]byte, 4<<10) // what compresses would not fill them
	_, _ = rand.Read(random)
	s.pad = hex.EncodeToString(random)
	w := s.worker(l)
	for i := 0; i < n; i += 100 {
		s.deliver(sub, 0, i, i+100)
	}
	in := w.consume(token, "visits", "", connect.WithGRPC())
	got, last := eventsOf(t, in, 1)
	stage.Await(t, "the slow reader's place", func() bool {
		l, _ := w.listen(token, "visits", "", "")
		if l != nil {
			l.cancel()
		}
		return l != nil
	})
	for in.Receive() {
		if e := in.Msg().GetEvent(); e != nil {
			got, last = append(got, e.GetId()), in.Msg()
		}
	}
	if in.Err() == nil || len(got) == n {
		t.Fatalf("%d events, %v", len(got), in.Err())
	}
	var rest []string
	stage.Await(t, "a resume", func() bool {
		again := w.consume(token, "visits", last.GetPosition(), connect.WithGRPC())
		for again.Receive() {
			if e := again.Msg().GetEvent(); e != nil {
				rest = append(rest, e.GetId())
				again.Close()
				return true
			}
		}
		return false
	})
	if joined(got) != joined(numbered(0, len(got))) || rest[0] != fmt.Sprintf("e%d", len(got)) {
		t.Errorf("%d events, then %v", len(got), rest)
	}
}
