package stored_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"payerflow/api/stored"
	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
	"payerflow/events"
	"payerflow/internal/embedded"
	"payerflow/internal/stage"
	"payerflow/internal/topology"
	"payerflow/tables"
)

const canary = "CLM-CANARY-9"

type shop struct {
	*stage.Stage
	server *embedded.Store
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{Stage: stage.New(t, stage.Options{})}
	var err error
	s.server, err = embedded.StartStore(t.Context(), embedded.StoreConfig{DataDir: t.TempDir()})
	stage.Must(t, err)
	t.Cleanup(func() { _ = s.server.Close() })
	to, err := store.Open(s.server.URI() + "?serverSelectionTimeoutMS=300")
	stage.Must(t, err)
	t.Cleanup(to.Close)
	begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var records []store.Record
	for i := range 9 {
		event := &store.Event{ID: fmt.Sprintf("e-%d", i/2), Type: "CLAIM_PAID", Subject: canary, Tags: []string{"urgent"}, At: begin, Transaction: "t-1", User: "u-1", Source: "EDI",
			Body: events.Body(fmt.Sprintf(`{"eventType":"CLAIM_PAID","claimId":%q,"paymentMethod":"EFT","paidAmount":"%d.00"}`, canary, i))}
		records = append(records, store.Record{ID: store.ID{Shelf: store.Shelf{Topic: []string{"mediator.event.received", "claims.claim.paid"}[i%2], Incarnation: 1}, Offset: int64(i)},
			Time: begin.Add(time.Duration(i) * time.Minute), Key: []byte(canary), Event: event})
	}
	records[8].Event.Type, records[8].Event.Synthetic = "CLAIM_DENIED", true
	_, err = to.Put(t.Context(), records)
	stage.Must(t, err)
	guard := s.Guard()
	mux := http.NewServeMux()
	stored.New(guard, to, func() hydrate.SinkStatus { return hydrate.SinkStatus{State: "storing"} }, s.Logger()).Register(mux, humago.New(mux, huma.DefaultConfig("test", "1")))
	s.Serve(guard.Wrap(func(*http.Request) bool { return false }, mux))
	return s
}

func (s *shop) token(team string, types ...string) string {
	_, text := s.Token(team, tables.Scopes{Subscribe: types})
	return text
}

func (s *shop) find(token, query string) (ids []string, page stored.HeldPage) {
	s.Helper()
	stage.Must(s, json.Unmarshal([]byte(s.Demand(200, token, "GET", "/v1/store/events?"+query, nil)), &page))
	for _, e := range page.Events {
		ids = append(ids, e.ID)
	}
	return ids, page
}

const events1 = "/v1/store/events"

// TestAReaderSeesWhatItMay and learns nothing of the rest by asking about it.
func TestAReaderSeesWhatItMay(t *testing.T) {
	s := newShop(t)
	s.Put(tables.KindPermission, "clear/PHI", tables.Permission{Team: "clear", Class: tables.ClassPHI})
	s.Put(tables.KindPermission, "clear/PII", tables.Permission{Team: "clear", Class: tables.ClassPII})
	s.Put(tables.KindPermission, "clear/BANK", tables.Permission{Team: "clear", Class: tables.ClassBank})
	clear, blind, other := s.token("clear", "CLAIM_*"), s.token("blind", "CLAIM_*"), s.token("blind", "PAYMENT_*")
	ids, page := s.find(clear, "key="+canary)
	if len(ids) != 8 || page.Events[0].Key != canary || !strings.Contains(string(page.Events[0].Body), "0.00") {
		t.Errorf("%v, %+v", ids, page.Events)
	}
	for query, n := range map[string]int{"type=CLAIM_PAID&tag=urgent": 8, "synthetic=true": 1, "field=/paymentMethod%3DEFT": 8, "field=/paymentMethod%3DCHECK": 0, "topic=claims.claim.paid": 4,
		"transaction=t-1&source=EDI": 8, "source=PORTAL": 0, "id=e-1": 2, "from=2026-11-01T00:02:00Z&to=2026-11-01T00:05:00Z": 3} {
		if ids, _ := s.find(clear, query); len(ids) != n {
			t.Errorf("%s: %d, want %d", query, len(ids), n)
		}
	}
	all := s.Demand(200, blind, "GET", events1+"?type=CLAIM_PAID", nil)
	if strings.Contains(all, canary) || !strings.Contains(all, events.Redacted) || strings.Count(all, `"topic"`) != 8 {
		t.Errorf("%.600s", all)
	}
	for _, query := range []string{"key=" + canary, "field=" + url.QueryEscape("/claimId="+canary), "field=" + url.QueryEscape("/paidAmount=1.00")} {
		if ids, page := s.find(blind, query); len(ids) != 0 || page.Next != "" {
			t.Errorf("%s tells that there is one", query)
		}
		s.Want(403, "NOT_VISIBLE", s.Ask(blind, "GET", events1+"?type=CLAIM_PAID&"+query, nil))
	}
	if ids, _ := s.find(other, ""); len(ids) != 0 {
		t.Errorf("types that the token does not name: %v", ids)
	}
	s.Want(403, "FORBIDDEN", s.Ask(other, "GET", events1+"?type=CLAIM_PAID", nil))
	s.Want(404, "EVENT_NOT_FOUND", s.Ask(other, "GET", events1+"/e-1", nil))
	s.Want(404, "EVENT_NOT_FOUND", s.Ask(other, "GET", events1+"/e-1/lineage", nil))
	s.Want(403, "FORBIDDEN", s.Ask(s.token("blind"), "GET", events1, nil))
}

// TestPagesFollow each other, for one question of one team alone.
func TestPagesFollow(t *testing.T) {
	s := newShop(t)
	token, query, got := s.token("blind", "CLAIM_*"), "type=CLAIM_PAID&limit=3", []string(nil)
	for cursor := ""; ; {
		ids, page := s.find(token, query+cursor)
		got = append(got, ids...)
		if page.Next == "" {
			break
		}
		cursor = "&cursor=" + page.Next
		s.Want(422, "INVALID_CURSOR", s.Ask(token, "GET", events1+"?type=CLAIM_DENIED"+cursor, nil))
		s.Want(422, "INVALID_CURSOR", s.Ask(s.token("other", "CLAIM_*"), "GET", events1+"?"+query+cursor, nil))
	}
	if want := []string{"e-0", "e-0", "e-1", "e-1", "e-2", "e-2", "e-3", "e-3"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	s.Want(422, "query.field[0]", s.Ask(token, "GET", events1+"?field=claimId", nil))
}

func TestLineage(t *testing.T) {
	s := newShop(t)
	var out stored.Lineage
	stage.Must(t, json.Unmarshal([]byte(s.Demand(200, s.token("blind", "CLAIM_*"), "GET", events1+"/e-2/lineage", nil)), &out))
	var got []string
	for _, step := range out.Steps {
		got = append(got, step.Relation+" "+step.ID)
	}
	if want := []string{"led to it e-0", "led to it e-0", "led to it e-1", "led to it e-1", "itself e-2", "itself e-2", "came of it e-3", "came of it e-3", "came of it e-4"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestAnswersWaitForTheAudit and are not given where it cannot be written.
func TestAnswersWaitForTheAudit(t *testing.T) {
	s := newShop(t)
	token := s.token("blind", "CLAIM_*")
	s.Audit.Taken()
	s.find(token, "type=CLAIM_PAID")
	s.Demand(200, token, "GET", events1+"/e-1", nil)
	var acts []string
	for _, e := range s.Audit.Taken() {
		acts = append(acts, fmt.Sprint(e.Act, " ", e.Decision, " ", e.Count))
	}
	if want := []string{"event.find ALLOW 8", "event.read ALLOW 2"}; !slices.Equal(acts, want) {
		t.Errorf("%q", acts)
	}
	s.Audit.Fail(topology.ErrUnavailable)
	for _, path := range []string{"", "/e-1", "/e-1/lineage"} {
		if a := s.Ask(token, "GET", events1+path, nil); a.Status != 503 || strings.Contains(string(a.Body), "e-1") {
			t.Errorf("%s: %d %.200s", path, a.Status, a.Body)
		}
	}
	s.Audit.Fail(nil)
	stage.Must(t, s.server.Close())
	a := s.Want(503, "STORE_AWAY", s.Ask(token, "GET", events1+"?id=e-1", nil))
	if strings.Contains(string(a.Body)+s.Logged.String(), canary) {
		t.Error("the log or the answer names a key")
	}
}

// TestLegalHolds are put, shown without keys and released by administrators
// alone, and each of these acts is written down.
func TestLegalHolds(t *testing.T) {
	s := newShop(t)
	_, admin := s.Token("ops", tables.Scopes{Admin: true})
	reader := s.token("clear", "CLAIM_*")
	const path = "/v1/store/holds"
	for _, ask := range []struct {
		token, method, path string
		body                any
		status              int
		code                string
	}{
		{reader, "POST", path, map[string]string{"key": canary, "why": "a suit"}, 403, "FORBIDDEN"},
		{reader, "GET", path, nil, 403, "FORBIDDEN"},
		{reader, "DELETE", path + "/x?why=y", nil, 403, "FORBIDDEN"},
		{admin, "POST", path, map[string]string{"why": "a suit"}, 422, "INVALID_REQUEST"},
		{admin, "POST", path, map[string]string{"key": canary, "tag": "urgent", "why": "a suit"}, 422, "INVALID_REQUEST"},
		{admin, "POST", path, map[string]string{"key": canary}, 422, ""},
		{admin, "DELETE", path + "/x?why=y", nil, 404, "HOLD_NOT_FOUND"},
		{admin, "DELETE", path + "/x", nil, 422, ""},
	} {
		s.Want(ask.status, ask.code, s.Ask(ask.token, ask.method, ask.path, ask.body))
	}
	s.Demand(201, admin, "POST", path, map[string]string{"key": canary, "why": "a suit"})
	s.Demand(201, admin, "POST", path, map[string]string{"tag": "urgent", "why": "another"})
	listed := s.Demand(200, admin, "GET", path, nil)
	var all stored.LegalHolds
	stage.Must(t, json.Unmarshal([]byte(listed), &all))
	if len(all.Holds) != 2 || all.Holds[0].Kind != "key" || all.Holds[1].Tag != "urgent" || strings.Contains(listed, canary) {
		t.Error(listed)
	}
	s.Demand(204, admin, "DELETE", path+"/"+all.Holds[0].ID+"?why=settled", nil)
	if status := s.Demand(200, admin, "GET", "/v1/store/status", nil); !strings.Contains(status, `"holds":1`) || !strings.Contains(status, `"oldest":"2026-11-01T00:00:00Z"`) {
		t.Error(status)
	}
	acts := map[string]int{}
	for _, e := range s.Audit.Written() {
		acts[e.Act+" "+e.Decision]++
		if strings.Contains(fmt.Sprint(e), canary) {
			t.Error("a key is in the audit")
		}
	}
	if acts["hold.put ALLOW"] < 2 || acts["hold.delete ALLOW"] < 1 || acts["hold.put DENY"] < 1 || acts["hold.delete DENY"] < 1 {
		t.Error(acts)
	}
}
