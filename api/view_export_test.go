package api_test

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// fetch reads one answer of an export to its end.
func (r *reader) fetch(s *httptest.Server, path, accept string) (body string, next string, err error) {
	r.t.Helper()
	req, _ := http.NewRequestWithContext(r.t.Context(), http.MethodGet, s.URL+path, nil)
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Accept", accept)
	resp, err := s.Client().Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != 200 {
		err = fmt.Errorf("%d %s", resp.StatusCode, b)
	}
	return string(b), resp.Trailer.Get("Payerflow-Next"), err
}

// fetchAll follows an export to its last row.
func (r *reader) fetchAll(s *httptest.Server, path, accept string) (all string, answers int) {
	r.t.Helper()
	for next := ""; ; answers++ {
		body, after, err := r.fetch(s, path+"&cursor="+url.QueryEscape(next), accept)
		if err != nil {
			r.t.Fatal(err)
		}
		if all += body; after == "" {
			return all, answers + 1
		}
		next = after
	}
}

func TestExports(t *testing.T) {
	r := readerOf(t, someClaims(1000), tables.Scopes{Admin: true})
	s := httptest.NewServer(r.h)
	defer s.Close()
	for _, limit := range []int{10, 256, 333, 100_000} {
		all, _ := r.fetchAll(s, fmt.Sprintf("/v1/views/claim-status/export?limit=%d", limit), "application/x-ndjson")
		n := 0
		for line := range strings.Lines(all) {
			var a struct{ Key string }
			if err := json.Unmarshal([]byte(line), &a); err != nil || a.Key != fmt.Sprintf("CLM-%03d", n) {
				t.Fatalf("limit %d, line %d: %s %v", limit, n, line, err)
			}
			n++
		}
		if n != 1000 {
			t.Errorf("limit %d: %d rows", limit, n)
		}
	}
	shown := map[string]bool{}
	count := int64(0)
	for _, e := range r.log.records {
		count += e.Count
		shown[e.Act+" "+e.Classes+" "+e.Decision] = true
	}
	if count != 4000 || len(shown) != 1 || !shown["view.export PHI ALLOW"] {
		t.Errorf("the audit has %d rows, %v", count, shown)
	}
	all, _ := r.fetchAll(s, "/v1/views/claim-status/export?limit=100&fields=claimId,billed,planId,history.id&where="+url.QueryEscape(`row.status == "DENIED"`), "text/csv")
	lines, err := csv.NewReader(strings.NewReader(all)).ReadAll()
	if err != nil || len(lines) != 335 || fmt.Sprint(lines[0]) != "[key claimId billed planId history]" || fmt.Sprint(lines[2]) != `[CLM-003 CLM-003 3.00 plan-3 [{"id":"e3"}]]` {
		t.Errorf("%d %v %v", len(lines), lines[:3], err)
	}
}

func TestExportsThatAreRefused(t *testing.T) {
	r := readerOf(t, someClaims(50), tables.Scopes{Read: []string{"*"}}, "BANK")
	s := httptest.NewServer(r.h)
	defer s.Close()
	_, next, err := r.fetch(s, "/v1/views/claim-status/export?limit=10", "text/csv")
	if err != nil || next == "" {
		t.Fatal(next, err)
	}
	for path, want := range map[string]string{
		"?cursor=" + next + "&fields=planId": "INVALID_CURSOR", "?cursor=" + next + "&where=true": "INVALID_CURSOR", "?synthetic=true&cursor=" + next: "INVALID_CURSOR",
		"?where=row.status=='DENIED'": "NOT_VISIBLE", "?fields=claimId": "NOT_VISIBLE", "?limit=100001": "INVALID_REQUEST", "?fields=canary": "INVALID_QUERY"} {
		if body, _, err := r.fetch(s, "/v1/views/claim-status/export"+strings.ReplaceAll(path, "'", "%27"), "text/csv"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v %s", path, err, body)
		}
	}
	if _, _, err := r.fetch(s, "/v1/views/claim-status/export", "application/xml"); err == nil || !strings.Contains(err.Error(), "406") {
		t.Error(err)
	}
	if _, body := r.get("/v1/views/claim-status?limit=1"); body["next"] != nil {
		if _, _, err := r.fetch(s, "/v1/views/claim-status/export?cursor="+body["next"].(string), "text/csv"); err == nil || !strings.Contains(err.Error(), "INVALID_CURSOR") {
			t.Error(err)
		}
	}
}

// TestACellIsNoFormula: what a spreadsheet would run is text in CSV, and stays
// what it is in NDJSON.
func TestACellIsNoFormula(t *testing.T) {
	keys := []string{`=cmd|'/C calc'!A0`, "+1", "-2", "@x", "\tx", "\rx", "a\nb", `é,"`, "＝1", "＠x", "'x", "\u202ex", ""}
	r := readerOf(t, rows{keys: keys}, tables.Scopes{Admin: true})
	s := httptest.NewServer(r.h)
	defer s.Close()
	all, _ := r.fetchAll(s, "/v1/views/claim-status/export?fields=claimId", "text/csv")
	lines, err := csv.NewReader(strings.NewReader(all)).ReadAll()
	if err != nil || len(lines) != len(keys)+1 {
		t.Fatal(len(lines), err)
	}
	for i, key := range keys {
		want := key
		if strings.IndexAny(key, "=+-@\t\r＝＠") == 0 {
			want = "'" + key
		}
		want = strings.ReplaceAll(want, "\r\n", "\n")
		if lines[i+1][0] != want || lines[i+1][1] != want {
			t.Errorf("%q is %q", key, lines[i+1])
		}
	}
	all, _ = r.fetchAll(s, "/v1/views/claim-status/export?fields=claimId", "*/*")
	i := 0
	for scan := bufio.NewScanner(strings.NewReader(all)); scan.Scan(); i++ {
		var a struct{ Key string }
		if err := json.Unmarshal(scan.Bytes(), &a); err != nil || a.Key != keys[i] {
			t.Errorf("%q is %s", keys[i], scan.Bytes())
		}
	}
}

// paged calls a function before each page but the first.
type paged struct {
	claims
	before func()
	asked  *int
}

func (p paged) List(ctx context.Context, view string, from topology.Place, limit int, synthetic bool) (topology.Page, error) {
	if *p.asked++; *p.asked == 2 {
		p.before()
	}
	return p.claims.List(ctx, view, from, limit, synthetic)
}

// TestAnExportBreaksOffWhereItsReaderMaySeeLess: after a permission is taken
// away, a token, or the audit, nothing more leaves, and the client notices.
func TestAnExportBreaksOffWhereItsReaderMaySeeLess(t *testing.T) {
	for name, change := range map[string]func(r *reader){
		"permission": func(r *reader) {
			next, o := r.rules.Load().Apply([]processors.Change{{Control: events.Control{Kind: tables.KindPermission, Name: "billing/PHI", Version: 2, Act: events.ControlDelete, At: 2}}})
			if !o[0].Applied {
				r.t.Error(o[0].Faults)
			}
			r.rules.Store(next)
		},
		"audit": func(r *reader) {
			r.log.mu.Lock()
			defer r.log.mu.Unlock()
			r.log.err = topology.ErrUnavailable
		},
	} {
		asked := 0
		v := &paged{claims: someClaims(1000), asked: &asked}
		r := readerOf(t, v, tables.Scopes{Read: []string{"*"}}, "PHI")
		v.before = func() { change(r) }
		s := httptest.NewServer(r.h)
		body, next, err := r.fetch(s, "/v1/views/claim-status/export", "application/x-ndjson")
		s.Close()
		if err == nil || next != "" {
			t.Errorf("%s: the client does not notice: %q", name, next)
		}
		if n := strings.Count(body, "\n"); n > 256 || n == 0 || strings.Contains(body, "CLM-256") {
			t.Errorf("%s: %d rows left", name, n)
		}
	}
}

// TestAClientThatDoesNotReadIsPutOut: it holds one page in memory, and no turn
// for longer than a stall.
func TestAClientThatDoesNotReadIsPutOut(t *testing.T) {
	claims := someClaims(60_000)
	r := readerOf(t, claims, tables.Scopes{Admin: true})
	ended := make(chan any, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		defer func() {
			p := recover()
			ended <- p
			panic(http.ErrAbortHandler)
		}()
		r.h.ServeHTTP(w, q)
	}))
	defer s.Close()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprintf(conn, "GET /v1/views/claim-status/export?limit=60000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", r.token)
	p, _ := (<-ended).(error)
	if !errors.Is(p, http.ErrAbortHandler) {
		t.Errorf("ended with %v", p)
	}
	left := int64(0)
	for _, e := range r.log.records {
		left += e.Count
	}
	if left >= 60_000 || !slices.ContainsFunc(r.log.records, func(e events.AuditReceived) bool { return e.Act == "view.export" }) {
		t.Errorf("%d rows were about to leave", left)
	}
}
