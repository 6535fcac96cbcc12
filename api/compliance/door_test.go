package compliance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/api"
	"payerflow/api/audit"
	"payerflow/api/compliance"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

const canary = "CLM-CANARY"

// claims is one view with one row.
type claims struct{ others }

type others = topology.Views // under a name that none of its methods has

func (claims) Views() []topology.Served {
	return []topology.Served{{View: topologies.ClaimStatus.View, Row: reflect.TypeFor[tables.ClaimStatus]()}}
}

func (claims) Get(_ context.Context, _, key string, _ bool) (topology.Answer, error) {
	return topology.Answer{Key: key, Row: tables.ClaimStatus{ClaimID: events.ID(key)}}, nil
}

// desk is the door of compliance beside that view.
type desk struct {
	*stage.Stage
	changes audit.Rules
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	s := stage.New(t, stage.Options{})
	d := &desk{s, kafka.Provisioned{Control: s.Control}}
	door := &compliance.Door{Log: audit.Over(d.changes), Keys: processors.NewAuditKeys(stage.Secret()), Views: []string{"claim-status"},
		Ledger: kafka.AuditLedger{Reader: kafka.AuditReader{Brokers: s.Brokers(), Schemas: s.Schemas}, Key: processors.NewAuditSigner(stage.Secret()).Public()}}
	s.Serve(api.New(claims{stage.NoViews}, api.Options{Version: "test", Guard: s.Guard(), Doors: []api.Door{door}}))
	return d
}

func (s *desk) token(scopes tables.Scopes) (id, text string) { return s.Token("oncall", scopes) }

// taken are the lines written since it was last asked: act, decision, code, breaking.
func (s *desk) taken() (out []string) {
	for _, e := range s.Audit.Taken() {
		out = append(out, strings.Join(strings.Fields(fmt.Sprint(e.Act, " ", e.Decision, " ", e.Code, " ", e.Breaking)), " "))
	}
	return out
}

func (s *desk) wrote(want ...string) {
	s.Helper()
	if got := s.taken(); strings.Join(got, "; ") != strings.Join(want, "; ") {
		s.Errorf("wrote %q, want %q", got, want)
	}
}

const row = "/v1/views/claim-status/" + canary

func TestBreakGlass(t *testing.T) {
	s := newDesk(t)
	_, token := s.token(tables.Scopes{BreakGlass: []string{"claim-*", "PHI"}})
	_, other := s.token(tables.Scopes{BreakGlass: []string{"*"}})
	_, admin := s.token(tables.Scopes{Admin: true})
	const path, good = "/v1/break-glass", `{"reason":"the claims desk is down","views":["claim-status"],"minutes":60}`
	s.Demand(403, token, "GET", row, "")
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
		s.Demand(c.status, token, "POST", path, c.body)
		if got := s.taken(); len(got) != 1 || !strings.Contains(got[0], "break-glass.open DENY") {
			t.Errorf("%s: %q", name, got)
		}
	}
	s.Demand(403, admin, "POST", path, good) // an administrator needs the scope too
	s.taken()
	s.Audit.Fail(topology.ErrUnavailable)
	s.Demand(503, token, "POST", path, good)
	s.Audit.Fail(nil)
	s.Demand(403, token, "GET", row, "")
	s.taken()

	var made compliance.Glass
	stage.Must(t, json.Unmarshal([]byte(s.Demand(201, token, "POST", path, good)), &made))
	s.wrote("break-glass.open ALLOW true")
	if d := made.Until.Sub(made.OpenedAt); d != time.Hour || made.Token == "" {
		t.Errorf("%+v", made)
	}
	if !strings.Contains(s.Demand(200, token, "GET", row, ""), canary) {
		t.Error("not shown")
	}
	s.wrote("view.read ALLOW true")
	s.Demand(403, other, "GET", row, "")
	s.wrote("view.read DENY FORBIDDEN false")
	if strings.Contains(s.Demand(200, other, "GET", path, ""), made.ID) || !strings.Contains(s.Demand(200, admin, "GET", path, ""), made.ID) {
		t.Error("who may know of it")
	}
	s.Demand(404, other, "DELETE", path+"/"+made.ID, "")
	s.taken()
	s.Demand(204, token, "DELETE", path+"/"+made.ID, "")
	s.wrote("break-glass.close ALLOW true")
	s.Demand(403, token, "GET", row, "")
}

// TestBrokenGlassEnds by the clock of whoever reads, and then in the log, with
// one record, however many workers look.
func TestBrokenGlassEnds(t *testing.T) {
	s := newDesk(t)
	id, token := s.token(tables.Scopes{})
	now := time.Now()
	const life = 5 * time.Second // long enough to look twice while it lasts
	s.Put(tables.KindBreakGlass, "g1", tables.BreakGlass{ID: "g1", Token: id, Team: "oncall", Views: []string{"claim-status"}, Reason: "the desk is down",
		OpenedAt: now, Until: now.Add(life)})
	s.Demand(200, token, "GET", row, "")
	reg := prometheus.NewRegistry()
	first := compliance.NewCloser(s.changes, s.Trail, slog.New(slog.DiscardHandler), reg)
	open := func() float64 {
		m, err := reg.Gather()
		stage.Must(t, err)
		return m[0].GetMetric()[0].GetGauge().GetValue()
	}
	if open() != 1 {
		t.Error("the metric does not say that it is open")
	}
	stage.Await(t, "its time is over", func() bool { return !time.Now().Before(now.Add(life)) })
	s.Demand(403, token, "GET", row, "")
	if open() != 0 {
		t.Error("the metric says that it is open")
	}
	s.taken()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, c := range []*compliance.Closer{first, compliance.NewCloser(s.changes, s.Trail, slog.New(slog.DiscardHandler), nil)} {
		wg.Go(func() { _ = c.Run(ctx) })
	}
	stage.Await(t, "closed in the log", func() bool {
		rules, err := s.Control.Rules()
		return err == nil && len(rules.BreakGlasses()) == 0
	})
	stage.Await(t, "written down", func() bool { return len(s.Audit.Written()) > 0 })
	cancel()
	wg.Wait()
	s.wrote("break-glass.close ALLOW true")
}

func TestKeysAreHashedForTheOfficer(t *testing.T) {
	s := newDesk(t)
	_, officer := s.token(tables.Scopes{Audit: true})
	_, nobody := s.token(tables.Scopes{Read: []string{"*"}})
	s.Demand(403, nobody, "POST", "/v1/audit/key-hash", `{"key":"`+canary+`"}`)
	got := s.Demand(200, officer, "POST", "/v1/audit/key-hash", `{"key":"`+canary+`"}`)
	if !strings.Contains(got, processors.NewAuditKeys(stage.Secret()).Hash(canary)) || strings.Contains(got, canary) {
		t.Error(got)
	}
}
