package api_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"payerflow/api"
	"payerflow/api/intake"
	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// asked is rows that remembers what its reader allowed.
type asked struct {
	rows
	allowed *topology.Allowance
}

func (a asked) Get(ctx context.Context, view, key string, synthetic bool) (topology.Answer, error) {
	*a.allowed = topology.Allowed(ctx)
	row, err := a.rows.Get(ctx, view, key, synthetic)
	row.Partition, row.Copy = 3, topology.Copy{Incarnation: "f00d", Changelog: 41, Lag: 7, Age: 1500 * time.Millisecond, Stale: true, Replica: true}
	row.Stored = []byte("stored")
	return row, err
}

func (a asked) Views() []topology.Served {
	v := a.rows.Views()
	v[0].Table, v[0].Partitions = "claims-table", 12
	return v
}

// TestReadersSayWhatTheyAllow: a bound and tokens of both kinds come to whoever
// reads; what is none is refused, and not repeated.
func TestReadersSayWhatTheyAllow(t *testing.T) {
	v := asked{rows{keys: []string{"a"}}, &topology.Allowance{}}
	_, body := ask(t, v, "GET", "/v1/views/claim-status/a")
	if v.allowed.Staleness != nil || len(v.allowed.AtLeast) > 0 {
		t.Errorf("nothing was said: %+v", v.allowed)
	}
	asOf := body["as_of"].(map[string]any)
	if asOf["lag"] != 7.0 || asOf["age_seconds"] != 1.5 || asOf["replica"] != true {
		t.Errorf("as_of %v", asOf)
	}
	published := intake.Token(kafka.Coordinates{Topic: "mediator.event.received", Partition: 2, Offset: 9})
	q := url.Values{"max_staleness": {"10s"}, "wait": {"3s"}, "min_position": {published, body["position"].(string)}}
	if resp, body := ask(t, v, "GET", "/v1/views/claim-status/a?"+q.Encode()); resp.Code != 200 {
		t.Fatalf("%d %v", resp.Code, body)
	}
	want := []topology.Position{{Topic: "mediator.event.received", Partition: 2, Offset: 10}, {Topic: "claims-table", Partition: 3, Offset: 41}}
	if a := v.allowed; a.Staleness == nil || *a.Staleness != 10*time.Second || a.Wait != 3*time.Second || len(a.AtLeast) != 2 || a.AtLeast[0] != want[0] || a.AtLeast[1] != want[1] || a.Tables["claims-table"] != "f00d" {
		t.Errorf("%+v", a)
	}
	for _, bad := range []string{"max_staleness=canary", "max_staleness=-1s", "max_staleness=25h", "wait=31s", "min_position=canary", "min_position=" + strings.Repeat("x", 5000),
		strings.Repeat("min_position="+published+"&", 17)} {
		resp, body := ask(t, v, "GET", "/v1/views/claim-status/a?"+bad)
		if text, _ := json.Marshal(body); resp.Code != 422 || body["code"] != "INVALID_REQUEST" || strings.Contains(string(text), "canary") {
			t.Errorf("%.40s: %d %s", bad, resp.Code, text)
		}
	}
}

// TestAnUnchangedRowIsNotSentAgain, and yet written down as read.
func TestAnUnchangedRowIsNotSentAgain(t *testing.T) {
	guard, token := guarded(t, tables.Scopes{Admin: true})
	log := &written{}
	surface := api.New(asked{rows{keys: []string{"a", "b"}}, &topology.Allowance{}}, api.Options{Guard: guard.Audit(trailed(log))})
	send := func(method, path, known, body string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("If-None-Match", known)
		r.Header.Set("Content-Type", "application/json")
		surface.ServeHTTP(w, r)
		return w
	}
	tag := send("GET", "/v1/views/claim-status/a", `"other"`, "").Header().Get("ETag")
	if w := send("GET", "/v1/views/claim-status/a", `"other", `+tag, ""); w.Code != 304 || w.Body.Len() > 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if len(log.records) != 2 || log.records[1].Count != 1 || log.records[1].KeyHash != log.records[0].KeyHash {
		t.Errorf("%+v", log.records)
	}
	var batch api.Batch
	w := send("POST", "/v1/views/claim-status/batch", "", `{"keys": ["b", "none", "a"]}`)
	if err := json.Unmarshal(w.Body.Bytes(), &batch); err != nil || len(batch.Rows) != 3 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if batch.Rows[0].Row.Key != "b" || batch.Rows[1].Problem.Code != "ROW_NOT_FOUND" || batch.Rows[2].Row.Key != "a" {
		t.Errorf("%s", w.Body)
	}
	if last := log.records[len(log.records)-1]; last.Act != "view.list" || last.Count != 2 || last.KeyHash != hash("b", "a") {
		t.Errorf("%+v", last)
	}
	if w := send("POST", "/v1/views/claim-status/batch", "", `{"keys": []}`); w.Code != 422 {
		t.Errorf("%d", w.Code)
	}
}
