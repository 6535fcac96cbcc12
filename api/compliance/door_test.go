package compliance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/api"
	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/compliance"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

const canary = "CLM-CANARY"

// claims is one view with one row.
type claims struct{}

func (claims) Views() []topology.Served {
	return []topology.Served{{View: topologies.ClaimStatus.View, Row: reflect.TypeFor[tables.ClaimStatus]()}}
}
func (claims) Under(context.Context, string, string, topology.Place, int, bool) (topology.Page, error) {
	return topology.Page{}, topology.ErrNoView
}

func (claims) Ready() error            { return nil }
func (claims) Status() topology.Status { return topology.Status{} }
func (claims) Get(_ context.Context, _, key string, _ bool) (topology.Answer, error) {
	return topology.Answer{Key: key, Row: tables.ClaimStatus{ClaimID: events.ID(key)}}, nil
}
func (claims) Batch(context.Context, string, []string, bool) []topology.Got { return nil }
func (claims) List(context.Context, string, topology.Place, int, bool) (topology.Page, error) {
	return topology.Page{}, nil
}

// log keeps audit records; err refuses them.
type log struct {
	mu      sync.Mutex
	records []events.AuditReceived
	err     error
}

func (l *log) Write(_ context.Context, e events.AuditReceived) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.records = append(l.records, e)
	}
	return l.err
}

// taken are the lines since it was last asked: act, decision, code, breaking.
func (l *log) taken() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.records {
		out = append(out, strings.Join(strings.Fields(fmt.Sprint(e.Act, " ", e.Decision, " ", e.Code, " ", e.Breaking)), " "))
	}
	l.records = nil
	return out
}

func (l *log) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

type stage struct {
	*testing.T
	control *kafka.Control
	keys    *access.Keyring
	url     string
	log     log
	trail   *audit.Trail
	changes audit.Rules
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newStage(t *testing.T) *stage {
	t.Helper()
	broker, err := embedded.StartBroker(t.Context(), embedded.BrokerConfig{Addr: "127.0.0.1:0"})
	must(t, err)
	t.Cleanup(func() { _ = broker.Close() })
	brokers, s := []string{broker.Addr()}, &stage{T: t}
	c, err := kafka.Dial(t.Context(), brokers)
	must(t, err)
	defer c.Close()
	r := kafka.Required.CappedTo(1)
	diff, err := c.Diff(t.Context(), topologies.Mediator, r)
	must(t, err)
	must(t, c.Apply(t.Context(), diff, r, func(kafka.Change) {}))
	secret, quiet := []byte(strings.Repeat("s", 32)), slog.New(slog.DiscardHandler)
	s.keys, err = access.NewKeyring(secret)
	must(t, err)
	s.control, err = kafka.OpenControl(brokers, &codecs.Memory{}, processors.NewRules(topologies.DefaultEventTypes(), secret), quiet, nil)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.control.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait(); s.control.Close() })
	s.within(10*time.Second, "fresh rules", func() bool { _, err := s.control.Rules(); return err == nil })
	s.trail = audit.New(&s.log, processors.NewAuditKeys(secret), quiet, nil)
	s.changes = kafka.Provisioned{Control: s.control}
	door := &compliance.Door{Log: audit.Over(s.changes), Keys: processors.NewAuditKeys(secret), Views: []string{"claim-status"}}
	h := httptest.NewServer(api.New(claims{}, api.Options{Version: "test", Guard: access.NewGuard(s.control, s.keys, nil).Audit(s.trail), Doors: []api.Door{door}}))
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func (s *stage) within(d time.Duration, what string, ok func() bool) {
	s.Helper()
	end, tick := time.After(d), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			s.Fatalf("not within %s: %s", d, what)
		case <-tick.C:
		}
	}
}

func (s *stage) put(kind, name string, row any) {
	s.Helper()
	b, err := json.Marshal(row)
	must(s.T, err)
	o, err := s.control.Change(s.Context(), events.Control{Kind: kind, Name: name, Version: 1, Act: events.ControlPut, Row: string(b), By: "test", At: events.InstantOf(time.Now())})
	must(s.T, err)
	if !o.Applied {
		s.Fatal(o.Faults)
	}
}

func (s *stage) token(scopes tables.Scopes) (id, text string) {
	row, text := s.keys.Mint(tables.Token{Team: "oncall", Scopes: scopes, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)})
	s.put(tables.KindToken, row.ID, row)
	return row.ID, text
}

func (s *stage) ask(want int, token, method, path, body string) string {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	must(s.T, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(s.T, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(s.T, err)
	if resp.StatusCode != want {
		s.Fatalf("%s %s: %d, want %d: %.400s", method, path, resp.StatusCode, want, b)
	}
	return string(b)
}

func (s *stage) wrote(want ...string) {
	s.Helper()
	if got := s.log.taken(); strings.Join(got, "; ") != strings.Join(want, "; ") {
		s.Errorf("wrote %q, want %q", got, want)
	}
}

const row = "/v1/views/claim-status/" + canary

func TestBreakGlass(t *testing.T) {
	s := newStage(t)
	_, token := s.token(tables.Scopes{BreakGlass: []string{"claim-*", "PHI"}})
	_, other := s.token(tables.Scopes{BreakGlass: []string{"*"}})
	_, admin := s.token(tables.Scopes{Admin: true})
	const path, good = "/v1/break-glass", `{"reason":"the claims desk is down","views":["claim-status"],"minutes":60}`
	s.ask(403, token, "GET", row, "")
	s.wrote("view.read DENY FORBIDDEN false")
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"no reason":      {422, `{"views":["claim-status"]}`},
		"spaces":         {422, `{"reason":"               ","views":["claim-status"]}`},
		"too long":       {422, `{"reason":"the claims desk is down","views":["claim-status"],"minutes":61}`},
		"for no time":    {422, `{"reason":"the claims desk is down","views":["claim-status"],"minutes":-1}`},
		"nothing":        {422, `{"reason":"the claims desk is down"}`},
		"another view":   {403, `{"reason":"the claims desk is down","views":["claim-status","sla"]}`},
		"another class":  {403, `{"reason":"the claims desk is down","classes":["BANK"]}`},
		"no such view":   {404, `{"reason":"the claims desk is down","views":["claim-history"]}`},
		"for the others": {422, `{"reason":"the claims desk is down","views":["claim-status"],"team":"billing"}`},
	} {
		s.ask(c.status, token, "POST", path, c.body)
		if got := s.log.taken(); len(got) != 1 || !strings.Contains(got[0], "break-glass.open DENY") {
			t.Errorf("%s: %q", name, got)
		}
	}
	s.ask(403, admin, "POST", path, good) // an administrator needs the scope too
	s.log.taken()
	s.log.fail(topology.ErrUnavailable)
	s.ask(503, token, "POST", path, good)
	s.log.fail(nil)
	s.ask(403, token, "GET", row, "")
	s.log.taken()

	var made compliance.Glass
	must(t, json.Unmarshal([]byte(s.ask(201, token, "POST", path, good)), &made))
	s.wrote("break-glass.open ALLOW true")
	if d := made.Until.Sub(made.OpenedAt); d != time.Hour || made.Token == "" {
		t.Errorf("%+v", made)
	}
	if !strings.Contains(s.ask(200, token, "GET", row, ""), canary) {
		t.Error("not shown")
	}
	s.wrote("view.read ALLOW true")
	s.ask(403, other, "GET", row, "")
	s.wrote("view.read DENY FORBIDDEN false")
	if strings.Contains(s.ask(200, other, "GET", path, ""), made.ID) || !strings.Contains(s.ask(200, admin, "GET", path, ""), made.ID) {
		t.Error("who may know of it")
	}
	s.ask(404, other, "DELETE", path+"/"+made.ID, "")
	s.log.taken()
	s.ask(204, token, "DELETE", path+"/"+made.ID, "")
	s.wrote("break-glass.close ALLOW true")
	s.ask(403, token, "GET", row, "")
}

// TestBrokenGlassEnds by the clock of whoever reads, and then in the log, with
// one record, however many workers look.
func TestBrokenGlassEnds(t *testing.T) {
	s := newStage(t)
	id, token := s.token(tables.Scopes{})
	now := time.Now()
	s.put(tables.KindBreakGlass, "g1", tables.BreakGlass{ID: "g1", Token: id, Team: "oncall", Views: []string{"claim-status"}, Reason: "the desk is down",
		OpenedAt: now, Until: now.Add(1500 * time.Millisecond)})
	s.ask(200, token, "GET", row, "")
	reg := prometheus.NewRegistry()
	first := compliance.NewCloser(s.changes, s.trail, slog.New(slog.DiscardHandler), reg)
	open := func() float64 {
		m, err := reg.Gather()
		must(t, err)
		return m[0].GetMetric()[0].GetGauge().GetValue()
	}
	if open() != 1 {
		t.Error("the metric does not say that it is open")
	}
	s.within(5*time.Second, "refused when its time is over", func() bool { return !time.Now().Before(now.Add(1500 * time.Millisecond)) })
	s.ask(403, token, "GET", row, "")
	if open() != 0 {
		t.Error("the metric says that it is open")
	}
	s.log.taken()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, c := range []*compliance.Closer{first, compliance.NewCloser(s.changes, s.trail, slog.New(slog.DiscardHandler), nil)} {
		wg.Go(func() { _ = c.Run(ctx) })
	}
	s.within(10*time.Second, "closed in the log", func() bool {
		rules, err := s.control.Rules()
		return err == nil && len(rules.BreakGlasses()) == 0
	})
	s.within(10*time.Second, "written down", func() bool { s.log.mu.Lock(); defer s.log.mu.Unlock(); return len(s.log.records) > 0 })
	cancel()
	wg.Wait()
	s.wrote("break-glass.close ALLOW true")
}

func TestKeysAreHashedForTheOfficer(t *testing.T) {
	s := newStage(t)
	_, officer := s.token(tables.Scopes{Audit: true})
	_, nobody := s.token(tables.Scopes{Read: []string{"*"}})
	s.ask(403, nobody, "POST", "/v1/audit/key-hash", `{"key":"`+canary+`"}`)
	got := s.ask(200, officer, "POST", "/v1/audit/key-hash", `{"key":"`+canary+`"}`)
	if !strings.Contains(got, processors.NewAuditKeys([]byte(strings.Repeat("s", 32))).Hash(canary)) || strings.Contains(got, canary) {
		t.Error(got)
	}
}
