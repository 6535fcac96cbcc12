package api_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"testing"

	"payerflow/api"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// listing serves the rows as those under the key "p1".
type listing struct{ rows }

func (l listing) Views() []topology.Served {
	v := l.rows.Views()
	v[0].Lists = true
	return v
}

func (l listing) Under(ctx context.Context, _, key string, from topology.Place, limit int, _ bool) (topology.Page, error) {
	if key != "p1" {
		return topology.Page{}, l.err
	}
	p, err := l.List(ctx, "", from, limit, false)
	for i := range p.Rows {
		p.Rows[i].Key, p.Rows[i].ID = key, p.Rows[i].Key
	}
	if p.Next != nil {
		p.Next.Run = 1<<40 + 3
	}
	return p, err
}

// TestRowsUnderAKey pages through the rows under a key, each page written down
// as a list, with the key and what it shows.
func TestRowsUnderAKey(t *testing.T) {
	v := listing{rows{keys: []string{"a", "b", "c"}}}
	guard, token := guarded(t, tables.Scopes{Admin: true})
	log := &written{}
	surface := api.New(v, api.Options{Guard: guard.Audit(trailed(log))})
	get := func(path string) (int, api.Rows) {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		surface.ServeHTTP(w, r)
		var page api.Rows
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		return w.Code, page
	}
	const path = "/v1/views/claim-status/p1?limit=2"
	status, first := get(path)
	if status != 200 || len(first.Rows) != 2 || first.Rows[0].Key != "p1" || first.Next == "" {
		t.Fatalf("%d %+v", status, first)
	}
	if status, second := get(path + "&cursor=" + first.Next); status != 200 || len(second.Rows) != 1 || second.Next != "" {
		t.Errorf("%d %+v", status, second)
	}
	if status, none := get("/v1/views/claim-status/nobody"); status != 200 || none.Rows == nil || len(none.Rows) != 0 {
		t.Errorf("%d %+v", status, none)
	}
	for _, other := range []string{"/v1/views/claim-status/p2?cursor=", "/v1/views/claim-status?cursor=", "/v1/views/claim-status/p1?synthetic=true&cursor="} {
		if status, _ := get(other + first.Next); status != 422 {
			t.Errorf("%s takes the cursor of another question: %d", other, status)
		}
	}
	if status, _ := get("/v1/views/claim-status/p1?limit=0"); status != 422 {
		t.Errorf("no rows at all: %d", status)
	}
	var shown []string
	for _, r := range log.records {
		if r.Act != "view.list" || r.Name != "claim-status" || r.KeyHash == "" {
			t.Errorf("written down: %+v", r)
		}
		shown = append(shown, r.KeyHash)
	}
	if want := hash("p1", "a", "p1", "b"); !slices.Contains(shown, want) {
		t.Errorf("written down %v, want %s", shown, want)
	}
}
