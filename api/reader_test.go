package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"payerflow/api"
	"payerflow/api/access"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// reader asks a surface as a team with permissions.
type reader struct {
	t     testing.TB
	h     http.Handler
	token string
	log   *written
	rules *changing
}

// changing are rules that a test may change.
type changing struct {
	atomic.Pointer[processors.Rules]
}

func (c *changing) Rules() (*processors.Rules, error) { return c.Load(), nil }
func (*changing) Changed() <-chan struct{}            { return nil }

// stall is short: a test waits for it.
const stall = 200 * time.Millisecond

// readerOf makes a surface for one token: its scopes, and rows of rules beside it.
func readerOf(t testing.TB, v topology.Views, s tables.Scopes, classes ...string) *reader {
	t.Helper()
	g := letIn(t, s, classes...)
	return &reader{t, api.New(v, api.Options{Version: "test", Stall: stall, Guard: g.Guard}), g.token, g.log, g.rules}
}

// letting is a guard that knows one token.
type letting struct {
	*access.Guard
	row   tables.Token
	token string
	log   *written
	rules *changing
}

func letIn(t testing.TB, s tables.Scopes, classes ...string) *letting {
	t.Helper()
	secret := make([]byte, access.MinSecret)
	keys, err := access.NewKeyring(secret)
	if err != nil {
		t.Fatal(err)
	}
	row, text := keys.Mint(tables.Token{Team: "billing", Scopes: s, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)})
	log, now := &written{}, &changing{}
	now.Store(processors.NewRules(nil, secret))
	g := &letting{access.NewGuard(now, keys, nil).Audit(trailed(log)), row, text, log, now}
	g.apply(t, tables.KindToken, row.ID, row)
	for _, c := range classes {
		g.permit(t, c)
	}
	return g
}

func (g *letting) permit(t testing.TB, class string) {
	p := tables.Permission{Team: "billing", Class: class}
	g.apply(t, tables.KindPermission, p.ID(), p)
}

// apply puts a row of the rules in.
func (g *letting) apply(t testing.TB, kind, name string, row any) {
	t.Helper()
	was := g.rules.Load()
	c := put(t, kind, name, row)
	c.Version = was.Version(kind, name) + 1
	next, outcomes := was.Apply([]processors.Change{{Offset: was.Offset(), Control: c}})
	if !outcomes[0].Applied {
		t.Fatal(outcomes[0].Faults)
	}
	g.rules.Store(next)
}

func put(t testing.TB, kind, name string, row any) events.Control {
	t.Helper()
	b, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	return events.Control{Kind: kind, Name: name, Version: 1, Act: events.ControlPut, Row: string(b), At: 1}
}

func (r *reader) get(path string, header ...string) (*httptest.ResponseRecorder, map[string]any) {
	r.t.Helper()
	w, q := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
	q.Header.Set("Authorization", "Bearer "+r.token)
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	r.h.ServeHTTP(w, q)
	var body map[string]any
	if strings.Contains(w.Header().Get("Content-Type"), "json") && !strings.Contains(w.Header().Get("Content-Type"), "ndjson") {
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			r.t.Fatalf("%s: %v", path, err)
		}
	}
	return w, body
}

// TestReadersSeeWhatTheyMay reads one row and a page as readers with different
// permissions.
func TestReadersSeeWhatTheyMay(t *testing.T) {
	v := rows{keys: []string{"c-1"}}
	for _, c := range []struct {
		scopes   tables.Scopes
		classes  []string
		withheld string
		claim    string // in the value
		listed   bool   // the key is shown in a list
	}{
		{tables.Scopes{Admin: true}, nil, "[]", "c-1", true},
		{tables.Scopes{Read: []string{"*"}}, []string{"PHI", "BANK"}, "[]", "c-1", true},
		{tables.Scopes{Read: []string{"*"}}, []string{"PHI"}, "[BANK]", "c-1", true},
		{tables.Scopes{Read: []string{"*"}}, []string{"BANK"}, "[PHI]", events.Redacted, false},
		{tables.Scopes{Read: []string{"*"}}, nil, "[BANK PHI]", events.Redacted, false},
	} {
		r := readerOf(t, v, c.scopes, c.classes...)
		_, body := r.get("/v1/views/claim-status/c-1")
		value, _ := body["value"].(map[string]any)
		if fmt.Sprint(list(body["withheld"])) != c.withheld || value["claimId"] != c.claim || body["key"] != "c-1" {
			t.Errorf("%v: %v", c.classes, body)
		}
		if first, _ := value["history"].([]any)[0].(map[string]any); first["id"] != "e1" || first["type"] != "CLAIM_PAID" || (c.claim == events.Redacted) != (first["outcome"] == events.Redacted) {
			t.Errorf("%v: %v", c.classes, value["history"])
		}
		_, page := r.get("/v1/views/claim-status")
		got := page["rows"].([]any)[0].(map[string]any)["key"].(string)
		if (got == "c-1") != c.listed || !c.listed && len(got) != 64 || fmt.Sprint(list(page["withheld"])) != c.withheld {
			t.Errorf("%v: listed as %s, %v", c.classes, got, page["withheld"])
		}
		for _, rec := range r.log.records {
			if want := map[string]string{"c-1": "PHI", events.Redacted: ""}[c.claim]; rec.Classes != want {
				t.Errorf("%v: the audit says %q", c.classes, rec.Classes)
			}
		}
	}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// TestADescriptionIsTheSameForAll: what a field may be does not depend on who
// reads, and every classed field may be withheld.
func TestADescriptionIsTheSameForAll(t *testing.T) {
	r := readerOf(t, rows{}, tables.Scopes{Read: []string{"*"}})
	_, body := r.get("/openapi.json")
	schemas := body["components"].(map[string]any)["schemas"].(map[string]any)
	marks := schemas["ClaimStatus"].(map[string]any)["properties"].(map[string]any)["marks"].(map[string]any)
	if len(list(marks["anyOf"])) != 2 || fmt.Sprint(marks["x-classes"]) != "[PHI]" {
		t.Errorf("%v", marks)
	}
	if outcome := schemas["ClaimFact"].(map[string]any)["properties"].(map[string]any)["paymentId"].(map[string]any); fmt.Sprint(outcome["x-classes"]) != "[BANK]" {
		t.Errorf("%v", outcome)
	}
}

// TestABrokenGlassShowsAllOfItsViews, and is written down; classes that it
// names are shown in whatever the token reads.
func TestABrokenGlassShowsAllOfItsViews(t *testing.T) {
	for _, c := range []struct {
		read     []string
		views    []string
		classes  []string
		withheld string
	}{
		{[]string{"sla"}, []string{"claim-status"}, nil, "[]"},
		{[]string{"claim-status"}, []string{"claim-status"}, nil, "[]"},
		{[]string{"claim-status"}, nil, []string{"PHI"}, "[BANK]"},
	} {
		r := readerOf(t, rows{keys: []string{"c-1"}}, tables.Scopes{Read: c.read, BreakGlass: []string{"claim-status", "PHI"}})
		id := access.ID(r.token)
		glass := tables.BreakGlass{ID: "glass-1", Token: id, Team: "billing", Views: c.views, Classes: c.classes, Reason: "the claims desk is down", OpenedAt: time.Now().UTC(), Until: time.Now().UTC().Add(time.Minute)}
		change := put(t, tables.KindBreakGlass, glass.ID, glass)
		change.At = events.InstantOf(time.Now())
		next, o := r.rules.Load().Apply([]processors.Change{{Control: change}})
		if !o[0].Applied {
			t.Fatal(o[0].Faults)
		}
		r.rules.Store(next)
		resp, body := r.get("/v1/views/claim-status/c-1")
		if resp.Code != 200 || fmt.Sprint(list(body["withheld"])) != c.withheld {
			t.Errorf("%+v: %d %v", c, resp.Code, body["withheld"])
		}
		if e := r.log.records[len(r.log.records)-1]; !e.Breaking || e.Why != glass.Reason || e.Classes != "PHI" {
			t.Errorf("%+v: %+v", c, e)
		}
	}
}
