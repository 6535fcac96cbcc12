package consume_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/stage"
	"payerflow/tables"
)

func TestPull(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	w := s.worker(quick())
	s.deliver(sub, 0, 0, 5)

	if at := w.position(token, "visits"); at != 0 {
		t.Errorf("position %d before anything was pulled", at)
	}
	got := w.pull(token, "visits", "max=5&lease=1m&wait=10")
	if joined(idsOf(got.Events)) != joined(numbered(0, 5)) {
		t.Fatalf("got %v", idsOf(got.Events))
	}
	e := got.Events[0].Event
	for name, want := range map[string]any{"specversion": "1.0", "type": eventType, "source": "ehr", "sourcesystem": "ehr", "synthetic": false,
		"transactionid": "t", "tags": "a%20b,next", "partitionkey": "visit-1", "datacontenttype": "application/json"} {
		if e[name] != want {
			t.Errorf("%s is %v", name, e[name])
		}
	}
	if body := e["data"].(map[string]any); body["note"] != canary || body["n"] != 0.0 {
		t.Errorf("data %v", body)
	}
	if more := w.pull(token, "visits", "max=5"); len(more.Events) != 0 {
		t.Errorf("%d events twice within the lease", len(more.Events))
	}

	l := leasesOf(got.Events)
	for _, step := range []struct {
		ack  []string
		want int64
	}{{[]string{l[3], l[1]}, 0}, {[]string{l[0]}, 2}, {[]string{l[2]}, 4}} {
		if a := w.ack(token, "visits", step.ack...); a.Settled != len(step.ack) || len(a.Gone) > 0 {
			t.Errorf("ack: %+v", a)
		}
		if at := w.position(token, "visits"); at != step.want {
			t.Errorf("position %d, not %d", at, step.want)
		}
	}
	if a := w.ack(token, "visits", l[0], "nonsense"); a.Settled != 0 || len(a.Gone) != 2 {
		t.Errorf("what is gone: %+v", a)
	}
	end := w.do(http.MethodGet, token, team+"/visits/position", nil)
	upTo := strings.Replace(end.Position, ":4", ":5", 1)
	if a := w.do(http.MethodPost, token, team+"/visits/ack", map[string]any{"upTo": upTo}); a.Settled != 1 || w.position(token, "visits") != 5 {
		t.Errorf("up to %s: %+v", upTo, a)
	}
}

func TestPullWaits(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	w := s.worker(quick())
	w.pull(token, "visits", "")
	got := make(chan answer)
	go func() {
		a, _ := w.try(http.MethodPost, token, team+"/visits/pull?wait=20s", nil)
		got <- a
	}()
	s.deliver(sub, 0, 0, 1)
	if a := <-got; len(a.Events) != 1 {
		t.Errorf("%+v", a)
	}
}

// TestRedeliveredThenParked: nobody acknowledges; after the retries the event
// lies in the dead letter topic and the next ones come.
func TestRedeliveredThenParked(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	w := s.worker(quick())
	s.deliver(sub, 0, 0, 1)
	first := w.pull(token, "visits", "max=1&lease=1s&wait=10s").Events[0]
	for n := 2; n <= 3; n++ {
		a := w.pull(token, "visits", "max=1&lease=1s&wait=10s")
		if len(a.Events) != 1 || a.Events[0].Deliveries != n || a.Events[0].id() != "e0" {
			t.Fatalf("delivery %d: %+v", n, a)
		}
	}
	if a := w.ack(token, "visits", first.Lease); a.Settled != 0 {
		t.Error("a lease of an earlier delivery was taken")
	}
	if a := w.pull(token, "visits", "max=1&wait=2s"); len(a.Events) != 0 {
		t.Fatalf("delivered once more than its retries: %v", idsOf(a.Events))
	}
	stage.Await(t, "the position behind the event that was parked", func() bool { return w.position(token, "visits") == 1 })
	s.deliver(sub, 0, 1, 2)
	if a := w.pull(token, "visits", "max=1&lease=1m&wait=10s"); joined(idsOf(a.Events)) != "e1" {
		t.Fatalf("%v in place of the event after", idsOf(a.Events))
	}
	if a := w.pull(token, "visits", "max=10&wait=2s"); len(a.Events) != 0 {
		t.Errorf("parked, and delivered again: %v", idsOf(a.Events))
	}
	dead := s.dead(sub)
	if len(dead) != 1 {
		t.Fatalf("%d dead letters", len(dead))
	}
	m := dead[0].Metadata
	if m.ReasonCode != "EFFECT_FAILED" || m.RetryCount != 2 || m.OriginalOffset != 0 || m.OriginalTopic != sub.Topic() || m.ConsumerGroup != "care.visits-pull" || *m.EventID != "e0" {
		t.Errorf("%+v", m)
	}
}

func TestUndecodableIsParked(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	w := s.worker(quick())
	s.raw(sub, []byte("no frame"))
	s.deliver(sub, 0, 1, 2)
	if a := w.pull(token, "visits", "max=1&wait=10s"); len(a.Events) != 1 || a.Events[0].id() != "e1" {
		t.Fatalf("%+v", a)
	}
	if dead := s.dead(sub); len(dead) != 1 || dead[0].Metadata.ReasonCode != "BAD_FRAME" || string(dead[0].OriginalPayload) != "no frame" {
		t.Errorf("%+v", dead)
	}
}

func TestNack(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	w := s.worker(quick())
	s.deliver(sub, 0, 0, 1)
	first := w.pull(token, "visits", "lease=10m&wait=10s").Events
	if a := w.do(http.MethodPost, token, team+"/visits/nack", map[string]any{"leases": leasesOf(first), "delay": "3s"}); a.Settled != 1 {
		t.Fatalf("%+v", a)
	}
	if a := w.pull(token, "visits", ""); len(a.Events) != 0 {
		t.Error("delivered before the delay ended")
	}
	if a := w.pull(token, "visits", "wait=10s"); len(a.Events) != 1 || a.Events[0].Deliveries != 2 {
		t.Errorf("%+v", a)
	}
}

// TestTwoWorkers: requests reach the owner through any worker; two pullers
// share the events; when the owner goes, what was not acknowledged comes again
// from the other, and nothing else.
func TestTwoWorkers(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	a, b := s.worker(quick()), s.worker(quick())
	s.deliver(sub, 0, 0, 20)
	var got []leased
	for range 5 {
		got = append(got, a.pull(token, "visits", "max=2&lease=10m&wait=10s").Events...)
		got = append(got, b.pull(token, "visits", "max=2&lease=10m&wait=10s").Events...)
	}
	if joined(idsOf(got)) != joined(numbered(0, 20)) {
		t.Fatalf("shared %v", idsOf(got))
	}
	if r := b.ack(token, "visits", leasesOf(got[:10])...); r.Settled != 10 {
		t.Fatalf("ack through the other worker: %+v", r)
	}
	if r := a.ack(token, "visits", got[15].Lease); r.Settled != 1 {
		t.Fatalf("%+v", r)
	}
	a.stop() // the first that was asked is the owner
	again := b.pull(token, "visits", "max=100&lease=10m&wait=20s").Events
	if joined(idsOf(again)) != joined(numbered(10, 20)) {
		t.Errorf("after the owner went: %v", idsOf(again))
	}
	if r := b.ack(token, "visits", got[11].Lease); len(r.Gone) != 1 {
		t.Error("a lease of the owner before was taken")
	}
	if r := b.ack(token, "visits", leasesOf(again)...); r.Settled != 10 || b.position(token, "visits") != 20 {
		t.Errorf("%+v at %d", r, b.position(token, "visits"))
	}
}

// TestOwnerVanishes: the owner is cut off from the broker, as one that was
// killed or lost its network. The next one goes on at the committed position;
// the old one, back again, can acknowledge nothing.
func TestOwnerVanishes(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	wire := &wire{}
	a, b := s.worker(quick(), wire.option()), s.worker(quick())
	s.deliver(sub, 0, 0, 10)
	got := a.pull(token, "visits", "max=10&lease=10m&wait=10s").Events
	if r := a.ack(token, "visits", got[0].Lease, got[1].Lease, got[5].Lease); r.Settled != 3 {
		t.Fatalf("%+v", r)
	}
	wire.cut(true)
	again := b.pull(token, "visits", "max=100&lease=10m&wait=20s").Events
	if joined(idsOf(again)) != joined(numbered(2, 10)) {
		t.Errorf("the next owner has %v", idsOf(again))
	}
	for _, l := range again {
		if l.Deliveries != 1 {
			t.Errorf("%s: delivery %d of this owner", l.id(), l.Deliveries)
		}
	}
	wire.cut(false)
	stage.Await(t, "the old owner passes on to the new one", func() bool {
		r := a.ack(token, "visits", leasesOf(got[2:])...)
		return r.Status == 200 && r.Settled == 0 && len(r.Gone) == 8
	})
	if at := b.position(token, "visits"); at != 2 {
		t.Errorf("position %d", at)
	}
	if r := a.ack(token, "visits", leasesOf(again)...); r.Settled != 8 || b.position(token, "visits") != 10 {
		t.Errorf("%+v at %d", r, b.position(token, "visits"))
	}
}

func TestSeek(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	w := s.worker(quick())
	s.deliver(sub, 0, 0, 4)
	middle := time.Now()
	<-time.After(5 * time.Millisecond)
	s.deliver(sub, 0, 4, 6)
	got := w.pull(token, "visits", "lease=10m&wait=10s").Events
	w.ack(token, "visits", leasesOf(got)...)
	at := w.do(http.MethodGet, token, team+"/visits/position", nil).Position
	for _, step := range []struct {
		body map[string]any
		want []string
	}{
		{map[string]any{"to": "earliest"}, numbered(0, 6)},
		{map[string]any{"to": "time", "time": middle.UTC().Format(time.RFC3339Nano)}, numbered(4, 6)},
		{map[string]any{"to": "position", "position": strings.Replace(at, ":6", ":5", 1)}, numbered(5, 6)},
		{map[string]any{"to": "latest"}, nil},
	} {
		var r answer
		stage.Await(t, "a seek", func() bool {
			r = w.do(http.MethodPost, token, team+"/visits/seek", step.body)
			return r.Status != http.StatusServiceUnavailable
		})
		if r.Status != http.StatusOK {
			t.Fatalf("%v: %+v", step.body, r)
		}
		if got := w.pull(token, "visits", "wait=2s").Events; joined(idsOf(got)) != joined(step.want) {
			t.Errorf("%v: %v", step.body, idsOf(got))
		}
	}
	for _, body := range []map[string]any{{"to": "time"}, {"to": "position", "position": "x"}, {"to": "nowhere"}, {"to": "position", "position": "00000000.0:1"}} {
		if r := w.do(http.MethodPost, token, team+"/visits/seek", body); r.Status != http.StatusUnprocessableEntity {
			t.Errorf("%v: %+v", body, r)
		}
	}
}

// TestWhoMayPull: tokens, scopes and rows are looked at for every request, and
// the mask of the moment is put on what was stored under another.
func TestWhoMayPull(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	id, token := s.token(team, "*")
	_, narrow := s.token(team, "Claim-*")
	_, other := s.token("billing", "*")
	w := s.worker(quick())
	s.deliver(sub, 0, 0, 3)
	for _, c := range []struct {
		token, path string
		status      int
		code        string
	}{
		{"pf_nonsense", team + "/visits/pull", 401, "INVALID_TOKEN"},
		{other, team + "/visits/pull", 403, "FORBIDDEN"},
		{other, team + "/nothing/pull", 403, "FORBIDDEN"},
		{token, team + "/nothing/pull", 404, "SUBSCRIPTION_NOT_FOUND"},
		{token, team + "/visits/pull?max=0", 422, "INVALID_REQUEST"},
		{token, team + "/visits/pull?wait=1h", 422, "INVALID_REQUEST"},
		{token, team + "/visits/pull?lease=x", 422, "INVALID_REQUEST"},
	} {
		var r answer
		stage.Await(t, "an answer", func() bool {
			r = w.do(http.MethodPost, c.token, c.path, nil)
			return r.Status != http.StatusServiceUnavailable
		})
		if r.Status != c.status || r.Code != c.code && c.code != "INVALID_REQUEST" {
			t.Errorf("%s: %d %s", c.path, r.Status, r.Code)
		}
	}
	if r := w.do(http.MethodPost, narrow, team+"/visits/pull?wait=10s", nil); r.Status != 403 || r.Code != "TYPE_FORBIDDEN" {
		t.Errorf("a type beyond the scope: %+v", r)
	}

	s.Put(tables.KindPermission, team+"/PHI", nil)
	got := w.pull(token, "visits", "max=1&wait=10s")
	if body := got.Events[0].Event["data"].(map[string]any); body["note"] != events.Redacted || body["n"] != 0.0 {
		t.Errorf("after the permission was taken away: %v", body)
	}

	waiting := make(chan answer)
	go func() {
		var a answer
		for a.Status == 0 || len(a.Events) > 0 { // until it waits
			a, _ = w.try(http.MethodPost, token, team+"/visits/pull?wait=30s&max=2", nil)
		}
		waiting <- a
	}()
	paused := sub
	paused.State = tables.StatePaused
	s.Put(tables.KindSubscription, sub.ID(), paused)
	if r := <-waiting; r.Status != 409 || r.Code != "SUBSCRIPTION_PAUSED" {
		t.Errorf("paused while it waits: %+v", r)
	}
	s.Put(tables.KindSubscription, sub.ID(), sub)
	s.Revoke(id)
	if r := w.do(http.MethodPost, token, team+"/visits/pull", nil); r.Status != 401 {
		t.Errorf("revoked: %+v", r)
	}
}

// TestStrangerInTheGroup: a request, with its token, is passed on to none but
// a worker, whatever a member of the group calls itself.
func TestStrangerInTheGroup(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	w := s.worker(quick())
	caught := make(chan struct{}, 1)
	evil := listen(t, func() { caught <- struct{}{} })
	s.join(sub, "payerflow-pull/"+evil)
	r := w.do(http.MethodPost, token, team+"/visits/pull", nil)
	if r.Status != 409 || r.Code != "GROUP_TAKEN" {
		t.Errorf("%+v", r)
	}
	if len(caught) > 0 {
		t.Error("the token went to a stranger")
	}
}

func TestIdleOwnerGivesBack(t *testing.T) {
	s := newDesk(t)
	sub := s.subscribe("visits", 1)
	_, token := s.token(team, "*")
	l := quick()
	l.Idle = 50 * time.Millisecond
	a, b := s.worker(l), s.worker(quick())
	s.deliver(sub, 0, 0, 2)
	got := a.pull(token, "visits", "max=1&wait=10s").Events
	a.ack(token, "visits", leasesOf(got)...)
	stage.Await(t, "the group is empty", func() bool {
		o, err := b.copies.Owner(t.Context(), "care.visits-pull", sub.Topic())
		return err == nil && o == ""
	})
	if got := b.pull(token, "visits", "wait=10s").Events; !slices.Equal(idsOf(got), []string{"e1"}) {
		t.Errorf("%v", idsOf(got))
	}
}

func (s *desk) dead(sub tables.Subscription) (out []codecs.DeadLetter) {
	s.Helper()
	serde, err := codecs.DeadLetters.Bind(s.Schemas, "mediator.event.received.dlq")
	stage.Must(s, err)
	for _, r := range s.read(sub.Topic()+".dlq", 1) {
		d, err := serde.Decode(r.Value)
		stage.Must(s, err)
		out = append(out, d)
	}
	return out
}
