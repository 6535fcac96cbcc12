package consume_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"payerflow/api/consume"
	"payerflow/events"
	"payerflow/internal/stage"
	"payerflow/tables"
)

// sent is one server sent event as the standard says it is read.
type sent struct {
	id, event string
	data      map[string]any
}

func (s sent) of() string { return fmt.Sprint(s.data["id"]) }

// listener reads a stream.
type listener struct {
	t      testing.TB
	resp   *http.Response
	lines  *bufio.Reader
	cancel func()
	last   string // Last-Event-ID
	beats  int
}

func (w *worker) listen(token, sub, query, last string) (*listener, answer) {
	w.Helper()
	ctx, cancel := context.WithCancel(w.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.http.URL+"/v1/subscriptions/"+team+"/"+sub+"/stream"+query, nil)
	stage.Must(w, err)
	req.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	stage.Must(w, err)
	w.Cleanup(func() { cancel(); resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		var a answer
		stage.Must(w, json.NewDecoder(resp.Body).Decode(&a))
		a.Status = resp.StatusCode
		cancel()
		return nil, a
	}
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		w.Errorf("content type %q", got)
	}
	return &listener{t: w, resp: resp, lines: bufio.NewReader(resp.Body), cancel: cancel, last: last}, answer{Status: 200}
}

// next is the next event that is dispatched; io.EOF where the stream ended.
func (l *listener) next() (s sent, err error) {
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			return s, io.EOF
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			s.id, l.last = value, value
		case "event":
			s.event = value
		case "data":
			stage.Must(l.t, json.Unmarshal([]byte(value), &s.data))
		case "":
			if value != "" { // a comment
				l.beats++
			} else if s.data != nil {
				return s, nil
			} else {
				s = sent{}
			}
		}
	}
}

func (l *listener) take(n int) (out []string) {
	l.t.Helper()
	for range n {
		s, err := l.next()
		if err != nil || s.event != "" {
			l.t.Fatalf("after %v: %v %q %v", out, err, s.event, s.data)
		}
		out = append(out, s.of())
	}
	return out
}

// end reads on to the end of the stream and returns its code.
func (l *listener) end() string {
	l.t.Helper()
	for {
		s, err := l.next()
		if err != nil {
			return "cut"
		}
		if s.event == "end" {
			if _, err := l.next(); !errors.Is(err, io.EOF) {
				l.t.Error("something after the end")
			}
			return fmt.Sprint(s.data["code"])
		}
	}
}

func TestStream(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	w := s.worker(quick())
	s.deliver(sub, 0, 0, 3)
	l, _ := w.listen(token, "visits", "", "")
	if got := l.take(3); joined(got) != joined(numbered(0, 3)) {
		t.Errorf("from the start: %v", got)
	}
	s.deliver(sub, 0, 3, 5)
	if got := l.take(2); joined(got) != joined(numbered(3, 5)) {
		t.Errorf("then: %v", got)
	}
	late, _ := w.listen(token, "visits", "?from=latest", "")
	stage.Await(t, "heartbeats", func() bool { // the position of latest is set when the first comes
		if _, err := late.lines.Peek(1); err != nil {
			return true
		}
		line, _ := late.lines.ReadString('\n')
		return strings.HasPrefix(line, ":")
	})
	s.deliver(sub, 0, 5, 6)
	if got := late.take(1); joined(got) != "e5" {
		t.Errorf("from the end: %v", got)
	}
	again, _ := w.listen(token, "visits", "?from="+l.last, "")
	if got := again.take(1); joined(got) != "e5" {
		t.Errorf("from a position: %v", got)
	}
	if _, a := w.listen(token, "visits", "", ""); a.Status != 429 || a.Code != "TOO_MANY_STREAMS" {
		t.Errorf("a fourth stream: %+v", a)
	}
	l.cancel()
	stage.Await(t, "a place for another stream", func() bool {
		l, a := w.listen(token, "visits", "?from=nonsense", "")
		return l == nil && a.Status == 422
	})
}

// TestResumeLosesNothing cuts a stream at random and resumes it: every event
// comes, in order, and at most the one that was cut in two comes again.
func TestResumeLosesNothing(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 2)
	_, token := s.token(team, "*")
	l := quick()
	l.Streams = 50
	w := s.worker(l)
	const n = 200
	for i := 0; i < n; i += 5 {
		s.deliver(sub, int32(i/5%2), i, i+5)
	}
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		seen, last := map[string]int{}, ""
		for len(seen) < n {
			l, _ := w.listen(token, "visits", "", last)
			for range r.IntN(40) {
				if len(seen) == n {
					break
				}
				e, err := l.next()
				if err != nil {
					t.Fatal(err)
				}
				if e.event != "" {
					t.Fatalf("seed %d: %s", seed, e.event)
				}
				seen[e.of()]++
			}
			last = l.last
			l.cancel()
			l.resp.Body.Close()
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("seed %d: %s came %d times", seed, id, times)
			}
		}
	}
}

// TestReset: what a position no longer stands for is said, not skipped.
func TestReset(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	roomy := quick()
	roomy.Streams = 20
	w := s.worker(roomy)
	s.deliver(sub, 0, 0, 5)
	l, _ := w.listen(token, "visits", "", "")
	l.take(1)
	old := l.last
	l.cancel()
	upTo := kadm.Offsets{}
	upTo.Add(kadm.Offset{Topic: sub.Topic(), Partition: 0, At: 3})
	_, err := kadm.NewClient(s.writer).DeleteRecords(t.Context(), upTo)
	stage.Must(t, err)
	for _, position := range []string{old, strings.Replace(old, ":1", ":99", 1), "00000000.0:4"} {
		l, a := w.listen(token, "visits", "", position)
		if l == nil {
			t.Fatalf("%+v", a)
		}
		if first, err := l.next(); err != nil || first.event != "reset" || first.data["code"] != "POSITION_GONE" || !strings.HasSuffix(first.id, ".0:3") {
			t.Errorf("%s: %+v %v", position, first, err)
		}
		if got := l.take(2); joined(got) != joined(numbered(3, 5)) {
			t.Errorf("%v", got)
		}
		l.cancel()
	}
	if _, a := w.listen(token, "visits", "?from="+strings.Replace(old, "0:1", "7:1", 1), ""); a.Status != 422 {
		t.Errorf("a partition that is not: %+v", a)
	}
}

func TestHeartbeat(t *testing.T) {
	s := newDesk(t)
	s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	w := s.worker(quick())
	l, _ := w.listen(token, "visits", "", "")
	for range 3 {
		stage.Await(t, "a heartbeat", func() bool {
			line, err := l.lines.ReadString('\n')
			stage.Must(t, err)
			return line == ": beat\n"
		})
	}
	if consume.DefaultLimits().Heartbeat > 15*time.Second {
		t.Error("too seldom")
	}
}

// TestStreamEnds: each reason has its code, within 2 s, also where nothing flows.
func TestStreamEnds(t *testing.T) {
	s := newDesk(t)
	_, token := s.token(team, "*")
	short := quick()
	short.Age = time.Second
	for _, c := range []struct {
		name, code string
		limits     consume.Limits
		act        func(*worker, tables.Subscription, string)
	}{
		{"revoked", "INVALID_TOKEN", quick(), func(_ *worker, _ tables.Subscription, id string) { s.Revoke(id) }},
		{"paused", "SUBSCRIPTION_PAUSED", quick(), func(_ *worker, sub tables.Subscription, _ string) {
			sub.State = tables.StatePaused
			s.Put(tables.KindSubscription, sub.ID(), sub)
		}},
		{"deleted", "SUBSCRIPTION_NOT_FOUND", quick(), func(_ *worker, sub tables.Subscription, _ string) { s.Put(tables.KindSubscription, sub.ID(), nil) }},
		{"stopped", "RECONNECT", quick(), func(w *worker, _ tables.Subscription, _ string) { w.door.Close() }},
		{"old", "RECONNECT", short, func(*worker, tables.Subscription, string) {}},
	} {
		sub := s.subscribe(c.name, 1)
		s.deliver(sub, 0, 0, 1)
		id, token := s.token(team, "*")
		w := s.worker(c.limits)
		l, a := w.listen(token, c.name, "", "")
		if l == nil {
			t.Fatalf("%s: %+v", c.name, a)
		}
		l.take(1)
		c.act(w, sub, id)
		began := time.Now()
		if code := l.end(); code != c.code {
			t.Errorf("%s: %s", c.name, code)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s took %s", c.name, took)
		}
		w.stop()
	}
	w := s.worker(quick())
	if _, a := w.listen(token, "paused", "", ""); a.Status != 409 || a.Code != "SUBSCRIPTION_PAUSED" {
		t.Errorf("%+v", a)
	}
}

// TestStaleRulesEndStreams: a worker that no longer hears of changes gives
// nothing out.
func TestStaleRulesEndStreams(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	w := s.worker(quick())
	s.deliver(sub, 0, 0, 1)
	l, _ := w.listen(token, "visits", "", "")
	l.take(1)
	stage.Must(t, s.Broker.Close())
	if code := l.end(); code != "RULES_STALE" && code != "UNAVAILABLE" {
		t.Errorf("ended with %s", code)
	}
	stage.Await(t, "503", func() bool {
		a, err := w.try(http.MethodPost, token, team+"/visits/pull", nil)
		return err == nil && a.Status == http.StatusServiceUnavailable && a.Code == "RULES_STALE"
	})
}

// TestMaskOfTheMoment: a permission that is taken away holds for what was
// delivered before, on a stream that is open.
func TestMaskOfTheMoment(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	_, narrow := s.token(team, "Claim-*")
	w := s.worker(quick())
	s.deliver(sub, 0, 0, 1)
	l, _ := w.listen(token, "visits", "", "")
	if e, _ := l.next(); e.data["data"].(map[string]any)["note"] != canary {
		t.Fatalf("%v", e.data)
	}
	r, err := s.Control.Rules()
	stage.Must(t, err)
	before := r.Mask(team, "", eventType)
	s.Put(tables.KindPermission, team+"/PHI", nil)
	s.deliverWith(sub, before, 1, 2) // as a router does that has not heard of it
	if e, _ := l.next(); e.data["data"].(map[string]any)["note"] != events.Redacted {
		t.Errorf("%v", e.data)
	}
	n, _ := w.listen(narrow, "visits", "", "")
	stage.Await(t, "the position past what the token may not get", func() bool {
		line, err := n.lines.ReadString('\n')
		if err != nil || strings.HasPrefix(line, "data:") {
			t.Fatalf("%q %v", line, err)
		}
		return strings.HasPrefix(line, "id:") && strings.HasSuffix(line, ".0:2\n")
	})
}

// TestSlowReader: a reader that stops reading is cut, holds little, and loses
// nothing when it comes back.
func TestSlowReader(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	w := s.worker(quick())
	const n = 5000 // more than sockets buffer
	for i := 0; i < n; i += 1000 {
		s.deliver(sub, 0, i, i+1000)
	}
	ln := w.http.Listener.Addr().String()
	conn, err := net.Dial("tcp", ln)
	stage.Must(t, err)
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(32 << 10)
	_, err = fmt.Fprintf(conn, "GET /v1/subscriptions/%s/visits/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", team, token)
	stage.Must(t, err)
	half := bufio.NewReaderSize(conn, 32<<10)
	line, err := half.ReadString('\n')
	if err != nil || !strings.Contains(line, "200") {
		t.Fatal(line, err)
	}
	for range quick().Streams - 1 { // the other places
		l, _ := w.listen(token, "visits", "?from=latest", "")
		defer l.cancel()
	}
	var l *listener
	stage.Await(t, "the slow reader's place", func() bool {
		l, _ = w.listen(token, "visits", "", "")
		return l != nil
	})
	last := ""
	read := 0
	for {
		line, err := half.ReadString('\n')
		if err != nil {
			break
		}
		if id, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "id: "); ok {
			last = id
		}
		if strings.HasPrefix(line, "data: ") && strings.HasSuffix(line, "}\n") {
			read++
		}
	}
	if read == 0 || read == n {
		t.Fatalf("the slow reader got %d of %d", read, n)
	}
	l.cancel()
	stage.Await(t, "a resume", func() bool {
		l, _ = w.listen(token, "visits", "", last)
		return l != nil
	})
	e, err := l.next()
	if err != nil || e.event != "" {
		t.Fatalf("%+v %v", e, err)
	}
	if want := e.of(); want != fmt.Sprintf("e%d", read) && want != fmt.Sprintf("e%d", read+1) {
		t.Errorf("read %d whole events, the next is %s", read, want)
	}
}
