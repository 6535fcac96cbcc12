package consume_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"payerflow/api/consume"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// lines are the records since it was last asked: act, name, decision, code,
// classes, count.
func (s *desk) lines() (out []string) {
	for _, e := range s.Audit.Taken() {
		out = append(out, strings.Join([]string{e.Act, e.Name, e.Decision, e.Code, e.Classes, fmt.Sprint(e.Count)}, " "))
	}
	return out
}

func (s *desk) wrote(what string, want ...string) {
	s.Helper()
	var got []string
	stage.Await(s, what+" is written down", func() bool { got = append(got, s.lines()...); return len(got) >= len(want) })
	if !slices.Equal(got, want) {
		s.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestWhatIsShownIsWrittenDown: pulls, streams from their opening to their end,
// and refusals. Where it cannot be, nothing classed leaves, and nothing is lost.
func TestWhatIsShownIsWrittenDown(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	w := s.worker(consume.DefaultLimits())
	_, token := s.token(team, "*")
	_, foreign := s.token("other", "*")
	_, barred := s.token(team, "CLAIM_*")
	s.deliver(sub, 0, 0, 3)

	if a := w.do("POST", foreign, team+"/visits/pull?max=1", nil); a.Status != 403 {
		t.Fatalf("%+v", a)
	}
	s.wrote("another team's pull", "event.read care/visits DENY FORBIDDEN  0")
	if a := w.do("POST", barred, team+"/visits/pull?max=1&wait=5s", nil); a.Status != 403 {
		t.Fatalf("%+v", a)
	}
	s.wrote("another type's pull", "event.pull care/visits DENY TYPE_FORBIDDEN  0")

	s.Audit.Fail(topology.ErrUnavailable)
	for range 5 { // more often than an event is redelivered
		a := w.do("POST", token, team+"/visits/pull?max=3&wait=5s", nil)
		if a.Status != 503 || a.Code != "AUDIT_UNAVAILABLE" || len(a.Events) > 0 {
			t.Fatalf("unwritten: %+v", a)
		}
	}
	if _, a := w.listen(token, "visits", "", ""); a.Status != 503 || a.Code != "AUDIT_UNAVAILABLE" {
		t.Fatalf("unwritten stream: %+v", a)
	}
	if code, text := endOf(w.consume(token, "visits", "", connect.WithGRPC())); code != connect.CodeUnavailable || text != "AUDIT_UNAVAILABLE" {
		t.Fatalf("unwritten stream: %s %s", code, text)
	}
	s.Audit.Fail(nil)
	a := w.do("POST", token, team+"/visits/pull?max=2&wait=5s", nil)
	if len(a.Events) != 2 || a.Events[0].Deliveries != 1 || a.Events[0].id() != "e0" {
		t.Fatalf("after the audit came back: %+v", a)
	}
	s.wrote("a pull", "event.pull care/visits ALLOW  PHI 2")

	l, _ := w.listen(token, "visits", "", "")
	l.take(3)
	s.wrote("a stream that opens", "event.stream care/visits ALLOW  PHI 0")
	s.Put(tables.KindPermission, team+"/PII", tables.Permission{Team: team, Class: tables.ClassPII})
	s.deliver(sub, 0, 3, 4)
	l.take(1)
	s.wrote("a permission that changes", "event.stream.change care/visits ALLOW  PHI,PII 3")
	l.cancel()
	s.wrote("a stream that ends", "event.stream.end care/visits ALLOW  PHI,PII 4")

	g := w.consume(token, "visits", "", connect.WithGRPC())
	eventsOf(t, g, 4)
	s.wrote("a stream over gRPC", "event.stream care/visits ALLOW  PHI,PII 0")
	s.Audit.Fail(topology.ErrUnavailable)
	s.Put(tables.KindPermission, team+"/BANK", tables.Permission{Team: team, Class: tables.ClassBank})
	s.deliver(sub, 0, 4, 5)
	if code, text := endOf(g); code != connect.CodeUnavailable || text != "AUDIT_UNAVAILABLE" {
		t.Errorf("a change that is not written: %s %s", code, text)
	}
	for _, class := range []string{"BANK", "PII", "PHI"} {
		s.Put(tables.KindPermission, team+"/"+class, nil)
	}
	s.deliver(sub, 0, 5, 6)
	within := time.Now().Add(time.Minute)
	for n := 0; n < 4 && time.Now().Before(within); {
		a := w.do("POST", token, team+"/visits/pull?max=10&wait=2s", nil)
		if a.Status != 200 {
			t.Fatalf("nothing classed, audit away: %+v", a)
		}
		for _, e := range a.Events {
			if strings.Contains(e.id(), canary) {
				t.Error("shown")
			}
			n++
		}
	}
}
