package api_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"testing"

	"payerflow/api"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// versioned is a view of which one version is live at a time.
type versioned struct {
	asked
	live *string
}

func (v versioned) Served(string) (topology.Served, bool) {
	s := v.Views()[0]
	s.Version, s.Incarnation = *v.live, "table of "+*v.live
	return s, true
}

// TestOneVersionAnswersARequest: a request is pinned to the table of the version
// that is live, the answer names it, and a cursor is good for it alone.
func TestOneVersionAnswersARequest(t *testing.T) {
	guard, token := guarded(t, tables.Scopes{Admin: true})
	live := "claim-status.v1"
	v := versioned{asked{rows{keys: []string{"a", "b", "c"}}, &topology.Allowance{}}, &live}
	surface := api.New(v, api.Options{Guard: guard})
	get := func(path string) (int, map[string]any) {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/views/claim-status"+path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		surface.ServeHTTP(w, r)
		var body map[string]any
		_ = json.Unmarshal(w.Body.Bytes(), &body) // what is not JSON has no fields
		return w.Code, body
	}
	next := func() url.Values {
		_, page := get("?limit=1")
		return url.Values{"limit": {"1"}, "cursor": {page["next"].(string)}}
	}
	for _, version := range []string{"claim-status.v1", "claim-status.v2"} {
		live = version
		status, body := get("/a")
		if status != 200 || body["version"] != version || v.allowed.Incarnation != "table of "+version {
			t.Errorf("%s is live: %d by %v, pinned to %q", version, status, body["version"], v.allowed.Incarnation)
		}
		if status, _ := get("?" + next().Encode()); status != 200 {
			t.Errorf("the cursor of %s gives %d", version, status)
		}
	}
	of := next()
	live = "claim-status.v1"
	if status, body := get("?" + of.Encode()); status != 422 || body["code"] != "INVALID_CURSOR" {
		t.Errorf("the cursor of another version gives %d %v", status, body["code"])
	}
}
