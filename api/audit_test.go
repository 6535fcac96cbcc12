package api_test

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"payerflow/api"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// mixed adds to rows a view that holds nothing classed, and one that does not say.
type mixed struct{ rows }

func (m mixed) Views() []topology.Served {
	of := reflect.TypeFor[tables.ClaimStatus]()
	return append(m.rows.Views(), topology.Served{View: topology.View{Name: "plain", Key: "tag", Classes: topology.NoClasses}, Row: of},
		topology.Served{View: topology.View{Name: "silent", Key: "tag"}, Row: of})
}

func TestNothingClassedLeavesUnwritten(t *testing.T) {
	const key = "CLM-CANARY"
	for _, c := range []struct {
		name, path string
		scopes     tables.Scopes
		away       error
		status     int
		want       events.AuditReceived // what is compared of the one record; Act "": none
	}{
		{name: "row without its classes", path: "/v1/views/claim-status/" + key, scopes: tables.Scopes{Read: []string{"*"}}, status: 200,
			want: events.AuditReceived{Act: "view.read", Object: "view", Name: "claim-status", Decision: "ALLOW", Count: 1, KeyHash: hash(key)}},
		{name: "row", path: "/v1/views/claim-status/" + key, scopes: tables.Scopes{Admin: true}, status: 200,
			want: events.AuditReceived{Act: "view.read", Object: "view", Name: "claim-status", Decision: "ALLOW", Classes: "PHI", Count: 1, KeyHash: hash(key)}},
		{name: "page", path: "/v1/views/claim-status?limit=2", scopes: tables.Scopes{Admin: true}, status: 200,
			want: events.AuditReceived{Act: "view.list", Object: "view", Name: "claim-status", Decision: "ALLOW", Classes: "PHI", Count: 2, KeyHash: hash(key, "other")}},
		{name: "no such row", path: "/v1/views/claim-status/none", scopes: tables.Scopes{Admin: true}, status: 404,
			want: events.AuditReceived{Act: "view.read", Object: "view", Name: "claim-status", Decision: "ALLOW", Code: "ROW_NOT_FOUND", Classes: "PHI", KeyHash: hash("none")}},
		{name: "denied", path: "/v1/views/claim-status/" + key, scopes: tables.Scopes{Read: []string{"sla"}}, status: 403,
			want: events.AuditReceived{Act: "view.read", Object: "view", Name: "claim-status", Decision: "DENY", Code: "FORBIDDEN", Classes: "PHI", KeyHash: hash(key)}},
		{name: "denied page", path: "/v1/views/claim-status", scopes: tables.Scopes{}, status: 403,
			want: events.AuditReceived{Act: "view.list", Object: "view", Name: "claim-status", Decision: "DENY", Code: "FORBIDDEN", Classes: "PHI"}},
		{name: "nonsense", path: "/v1/views/claim-status?limit=x", scopes: tables.Scopes{Admin: true}, status: 422},
		{name: "nothing classed", path: "/v1/views/plain/" + key, scopes: tables.Scopes{Admin: true}, status: 200},
		{name: "one that does not say", path: "/v1/views/silent/" + key, scopes: tables.Scopes{Admin: true}, status: 200,
			want: events.AuditReceived{Act: "view.read", Object: "view", Name: "silent", Decision: "ALLOW", Count: 1, KeyHash: hash(key)}},
		{name: "row, audit away", path: "/v1/views/claim-status/" + key, scopes: tables.Scopes{Admin: true}, away: topology.ErrUnavailable, status: 503},
		{name: "page, audit away", path: "/v1/views/claim-status", scopes: tables.Scopes{Admin: true}, away: topology.ErrUnavailable, status: 503},
		{name: "no such row, audit away", path: "/v1/views/claim-status/none", scopes: tables.Scopes{Admin: true}, away: topology.ErrUnavailable, status: 503},
		{name: "denied, audit away", path: "/v1/views/claim-status/" + key, scopes: tables.Scopes{}, away: topology.ErrUnavailable, status: 403},
		{name: "nothing classed, audit away", path: "/v1/views/plain/" + key, scopes: tables.Scopes{Admin: true}, away: topology.ErrUnavailable, status: 200},
	} {
		log := &written{err: c.away}
		guard, token := guarded(t, c.scopes)
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", c.path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
		api.New(mixed{rows{keys: []string{key, "other"}}}, api.Options{Version: "test", Guard: guard.Audit(trailed(log))}).ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if c.status == 503 && (strings.Contains(w.Body.String(), key) || !strings.Contains(w.Body.String(), "AUDIT_UNAVAILABLE") || w.Header().Get("Retry-After") == "") {
			t.Errorf("%s: %v %s", c.name, w.Header(), w.Body)
		}
		if c.want.Act == "" {
			if len(log.records) > 0 {
				t.Errorf("%s: %+v", c.name, log.records)
			}
			continue
		}
		if len(log.records) != 1 {
			t.Fatalf("%s: %d records", c.name, len(log.records))
		}
		got := log.records[0]
		if got.ID == "" || got.At == 0 || got.Actor == "" || got.Team != "billing" || got.Trace != "4bf92f3577b34da6a3ce929d0e0e4736" {
			t.Errorf("%s: %+v", c.name, got)
		}
		got.ID, got.At, got.Actor, got.Team, got.Trace = "", 0, "", "", ""
		if got != c.want {
			t.Errorf("%s:\n%+v\n%+v", c.name, got, c.want)
		}
	}
}

func hash(keys ...string) string { return processors.NewAuditKeys(make([]byte, 32)).Hashes(keys) }

// TestNoTrailShowsNothing: a surface that nobody writes down for fails closed.
func TestNoTrailShowsNothing(t *testing.T) {
	guard, token := guarded(t, tables.Scopes{Admin: true})
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/views/claim-status/c", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	api.New(rows{keys: []string{"c"}}, api.Options{Guard: guard.Audit(nil)}).ServeHTTP(w, r)
	if w.Code != 503 || strings.Contains(w.Body.String(), "claimId") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
