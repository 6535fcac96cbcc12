package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/api"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// rows is a topology.Views over a few rows in memory, for the surface alone;
// the end-to-end suite runs it over a worker.
type rows struct {
	keys  []string
	err   error
	ready error
}

func (r rows) Views() []topology.Served {
	return []topology.Served{{View: topology.View{Name: "claim-status", Key: "claimId", Doc: "Status of a claim.", Classes: []string{tables.ClassPHI}}, Row: reflect.TypeFor[tables.ClaimStatus]()}}
}

func (r rows) row(key string) topology.Answer {
	at := events.InstantOf(time.Date(2026, 1, 16, 10, 0, 0, 0, time.UTC))
	return topology.Answer{Key: key, Row: tables.ClaimStatus{ClaimID: events.ID(key), Status: tables.ClaimPaid, StatusAt: at, Marks: []string{},
		History: []tables.ClaimFact{{ID: "e1", Type: events.TypeClaimPaid, At: at}}}, Copy: topology.Copy{Positions: []topology.Position{{Topic: "t", Partition: 3, Offset: 7}}, Stale: true}}
}

func (r rows) Get(_ context.Context, _, key string, synthetic bool) (topology.Answer, error) {
	for _, k := range r.keys {
		if k == key && r.err == nil && !synthetic {
			return r.row(k), nil
		}
	}
	if r.err != nil {
		return topology.Answer{}, r.err
	}
	return topology.Answer{}, topology.ErrNotFound
}

func (r rows) List(_ context.Context, _ string, from topology.Place, limit int, _ bool) (topology.Page, error) {
	var p topology.Page
	for i := from.Skip; i < len(r.keys); i++ {
		if len(p.Rows) == limit {
			p.Next = &topology.Place{Partition: 11, Hash: 1<<63 + 5, Skip: i}
			break
		}
		p.Rows = append(p.Rows, r.row(r.keys[i]))
	}
	return p, r.err
}

func (rows) Under(context.Context, string, string, topology.Place, int, bool) (topology.Page, error) {
	return topology.Page{}, topology.ErrNoView
}

func (r rows) Batch(ctx context.Context, view string, keys []string, synthetic bool) []topology.Got {
	out := make([]topology.Got, len(keys))
	for i, key := range keys {
		out[i].Answer, out[i].Err = r.Get(ctx, view, key, synthetic)
	}
	return out
}

func (r rows) Ready() error { return r.ready }

func (r rows) Status() topology.Status {
	return topology.Status{Instance: "i", Guarantee: "exactly-once", Groups: []topology.GroupStatus{{Name: "g", State: "running"}}}
}

func ask(t *testing.T, v topology.Views, method, path string) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	return askAs(t, v, tables.Scopes{Admin: true}, method, path)
}

// askAs asks with a token of these scopes.
func askAs(t *testing.T, v topology.Views, s tables.Scopes, method, path string) (*httptest.ResponseRecorder, map[string]any) {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
	guard, token := guarded(t, s)
	r.Header.Set("Authorization", "Bearer "+token)
	api.New(v, api.Options{Version: "test", Guard: guard}).ServeHTTP(w, r)
	var body map[string]any
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return w, body
}

func TestGetAnswersWithItsAccount(t *testing.T) {
	resp, body := ask(t, rows{keys: []string{"c/1 ü"}}, "GET", "/v1/views/claim-status/c%2F1%20%C3%BC")
	if resp.Code != 200 || body["key"] != "c/1 ü" || body["view"] != "claim-status" || body["stale"] != true {
		t.Fatalf("%d %v", resp.Code, body)
	}
	for _, field := range []string{"value", "as_of", "because"} {
		if body[field] == nil {
			t.Errorf("no %s", field)
		}
	}
	if asOf := body["as_of"].(map[string]any); asOf["event_time"] != "2026-01-16T10:00:00Z" || len(asOf["positions"].([]any)) != 1 {
		t.Errorf("as_of %v", asOf)
	}
}

func TestPagesLinkUp(t *testing.T) {
	v := rows{keys: []string{"a", "b", "c", "d", "e"}}
	var got []string
	path := "/v1/views/claim-status?limit=2"
	for range 5 {
		resp, body := ask(t, v, "GET", path)
		if resp.Code != 200 {
			t.Fatalf("%d %v", resp.Code, body)
		}
		for _, r := range body["rows"].([]any) {
			got = append(got, r.(map[string]any)["key"].(string))
		}
		next, more := body["next"].(string)
		if !more {
			break
		}
		path = "/v1/views/claim-status?limit=2&cursor=" + next
	}
	if strings.Join(got, "") != "abcde" {
		t.Errorf("pages hold %v", got)
	}
}

func TestProblems(t *testing.T) {
	v := rows{keys: []string{"a"}}
	for _, c := range []struct {
		views        rows
		method, path string
		status       int
		code         string
	}{
		{v, "GET", "/v1/views/claim-status/canary", 404, "ROW_NOT_FOUND"},
		{v, "GET", "/v1/views/claim-status/..%2f..%2fx", 404, "NOT_FOUND"},
		{v, "GET", "/v1/views/../v1/views", 404, "NOT_FOUND"},
		{v, "GET", "/v1//views", 404, "NOT_FOUND"},
		{v, "GET", "/v1/views/none/canary", 404, "NOT_FOUND"},
		{v, "POST", "/v1/views/claim-status/a", 405, "METHOD_NOT_ALLOWED"},
		{v, "POST", "/nothing", 404, "NOT_FOUND"},
		{v, "GET", "/v1/views/claim-status?limit=0", 422, "INVALID_REQUEST"},
		{v, "GET", "/v1/views/claim-status?limit=canary", 422, "INVALID_REQUEST"},
		{v, "GET", "/v1/views/claim-status?cursor=canary", 422, "INVALID_CURSOR"},
		{v, "GET", "/v1/views/claim-status?cursor=" + strings.Repeat("A", 129), 422, "INVALID_REQUEST"},
		{rows{err: &topology.AwayError{Partition: 4, Err: topology.ErrElsewhere}}, "GET", "/v1/views/claim-status/a", 503, "PARTITION_AWAY"},
		{rows{err: &topology.AwayError{Partition: 4, Err: topology.ErrRestoring}}, "GET", "/v1/views/claim-status/a", 503, "RESTORING"},
		{rows{err: errors.New("canary on disk")}, "GET", "/v1/views/claim-status/a", 500, "INTERNAL"},
	} {
		resp, body := ask(t, c.views, c.method, c.path)
		if resp.Code != c.status || body["code"] != c.code || body["status"] != float64(c.status) {
			t.Errorf("%s %s: %d %v, want %d %s", c.method, c.path, resp.Code, body, c.status, c.code)
		}
		if ct := resp.Header().Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s: content type %s", c.path, ct)
		}
		if b, _ := json.Marshal(body); strings.Contains(string(b), "canary") {
			t.Errorf("%s: a value is repeated in %s", c.path, b)
		}
		if c.code == "PARTITION_AWAY" && body["partition"] != 4.0 {
			t.Errorf("it names partition %v", body["partition"])
		}
		if c.status == 503 && resp.Header().Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
}

func TestReadyzSaysWhatIsMissing(t *testing.T) {
	if resp, _ := ask(t, rows{}, "GET", "/readyz"); resp.Code != 200 {
		t.Errorf("ready: %d", resp.Code)
	}
	resp, body := ask(t, rows{ready: errors.Join(errors.New("one"), errors.New("two"))}, "GET", "/readyz")
	if resp.Code != 503 || len(body["missing"].([]any)) != 2 {
		t.Errorf("not ready: %d %v", resp.Code, body)
	}
}

func TestEngineIsShown(t *testing.T) {
	if resp, body := ask(t, rows{}, "GET", "/v1/engine"); resp.Code != 200 || len(body["groups"].([]any)) != 1 || body["guarantee"] != "exactly-once" {
		t.Errorf("%d %v", resp.Code, body)
	}
}

func TestDescription(t *testing.T) {
	resp, body := ask(t, rows{}, "GET", "/openapi.json")
	if resp.Code != 200 || body["openapi"] != "3.1.0" {
		t.Fatalf("%d %v", resp.Code, body["openapi"])
	}
	paths := body["paths"].(map[string]any)
	for _, p := range []string{"/v1/views", "/v1/views/claim-status", "/v1/views/claim-status/{key}", "/readyz", "/livez"} {
		if paths[p] == nil {
			t.Errorf("%s is not described", p)
		}
	}
	row := body["components"].(map[string]any)["schemas"].(map[string]any)["ClaimStatus"].(map[string]any)["properties"].(map[string]any)
	if row["billed"].(map[string]any)["type"] != "string" || row["serviceDate"].(map[string]any)["type"] != "string" {
		t.Errorf("money and dates are texts: %v %v", row["billed"], row["serviceDate"])
	}
	if resp, _ := ask(t, rows{}, "GET", "/docs"); resp.Code != 200 || !strings.HasPrefix(resp.Header().Get("Content-Type"), "text/html") {
		t.Errorf("/docs: %d %s", resp.Code, resp.Header().Get("Content-Type"))
	}
}

// TestTheDescriptionOfViews: what is said of rows is said of all, whoever has
// them, and what may come of an answer is there.
func TestTheDescriptionOfViews(t *testing.T) {
	_, body := ask(t, rows{}, "GET", "/openapi.json")
	at := func(path ...string) map[string]any {
		t.Helper()
		var v any = body
		for _, step := range path {
			m, _ := v.(map[string]any)
			if v = m[step]; v == nil {
				t.Fatalf("%q is not described", path)
			}
		}
		return v.(map[string]any)
	}
	for path, item := range body["paths"].(map[string]any) {
		if text, _ := json.Marshal(item); strings.HasPrefix(path, "/v1/views") && regexp.MustCompile(`(are|is) here`).Match(text) {
			t.Errorf("%s is said of what is here", path)
		}
	}
	const list, row = "/v1/views/claim-status", "/v1/views/claim-status/{key}"
	page := at("paths", list, "get", "responses", "200", "content", "application/json", "schema", "properties")
	for name := range at("components", "schemas", "Rows", "properties") {
		if page[name] == nil {
			t.Errorf("a page is described without %s", name)
		}
	}
	value := at("paths", list, "get", "responses", "200", "content", "application/json", "schema", "properties", "rows", "items", "properties", "value")
	if !strings.HasSuffix(value["$ref"].(string), "/ClaimStatus") {
		t.Errorf("rows of a page: %v", value)
	}
	for _, status := range []string{"304", "406", "422", "503", "504"} {
		at("paths", row, "get", "responses", status)
	}
	at("paths", row, "get", "responses", "200", "content", "text/event-stream")
	at("paths", list, "get", "responses", "406")
	at("paths", list+"/batch", "post", "responses", "413")
}

func TestViewsAreReadByScope(t *testing.T) {
	v := rows{keys: []string{"a"}}
	for _, c := range []struct {
		scopes tables.Scopes
		status int
		listed int
	}{
		{tables.Scopes{Read: []string{"claim-*"}}, 200, 1},
		{tables.Scopes{Read: []string{"grace-periods"}, Publish: []string{"*"}, Subscribe: []string{"*"}}, 403, 0},
	} {
		for _, path := range []string{"/v1/views/claim-status/a", "/v1/views/claim-status"} {
			if resp, body := askAs(t, v, c.scopes, "GET", path); resp.Code != c.status {
				t.Errorf("%s: %d %v", path, resp.Code, body)
			}
		}
		if _, body := askAs(t, v, c.scopes, "GET", "/v1/views"); len(body["views"].([]any)) != c.listed {
			t.Errorf("views: %v", body)
		}
	}
}

func TestWhatWantsNoToken(t *testing.T) {
	h := api.New(rows{}, api.Options{Version: "test", Metrics: prometheus.NewRegistry()})
	for path, want := range map[string]int{"/livez": 200, "/readyz": 503, "/metrics": 200, "/docs": 200, "/openapi.json": 200, "/openapi.yaml": 200,
		"/v1/views": 503, "/v1/engine": 503, "/nothing": 503, "/livez/x": 503, "/docs/": 503} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("POST", "/livez", nil)); w.Code != 503 {
		t.Errorf("POST /livez: %d", w.Code)
	}
}
