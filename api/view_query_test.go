package api_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// claims is a view of made-up claims: claim n costs n dollars, and every third
// was denied.
type claims struct{ rows }

func someClaims(n int) claims {
	c := claims{}
	for i := range n {
		c.keys = append(c.keys, fmt.Sprintf("CLM-%03d", i))
	}
	return c
}

func (c claims) List(ctx context.Context, view string, from topology.Place, limit int, synthetic bool) (topology.Page, error) {
	p, err := c.rows.List(ctx, view, from, limit, synthetic)
	for i := range p.Rows {
		p.Rows[i].Row = claimNumber(from.Skip + i)
	}
	return p, err
}

func claimNumber(n int) tables.ClaimStatus {
	billed, plan, code := events.Money(100*n), events.ID(fmt.Sprint("plan-", n%4)), "CO-97"
	row := tables.ClaimStatus{ClaimID: events.ID(fmt.Sprintf("CLM-%03d", n)), MemberID: events.ID(fmt.Sprint("MBR-", n%7)), PlanID: &plan, Status: tables.ClaimPaid,
		StatusAt: events.Instant(int64(n) * 1e6), Billed: &billed, Marks: []string{}, History: []tables.ClaimFact{{ID: fmt.Sprint("e", n), Type: events.TypeClaimPaid}}}
	if n%3 == 0 {
		row.Status, row.DenialCode = tables.ClaimDenied, &code
	}
	if n%5 == 0 {
		row.Billed = nil
	}
	return row
}

func where(text string, more ...string) string {
	q := url.Values{"where": {text}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/v1/views/claim-status?" + q.Encode()
}

func keysOf(body map[string]any) (keys []string) {
	for _, r := range list(body["rows"]) {
		keys = append(keys, strings.TrimPrefix(r.(map[string]any)["key"].(string), "CLM-"))
	}
	return keys
}

func TestQueries(t *testing.T) {
	r := readerOf(t, someClaims(40), tables.Scopes{Admin: true})
	for _, c := range []struct{ path, want string }{
		{where(`row.status == "DENIED" && row.billed > 30.0`), "[033 036 039]"},
		{where(`row.billed == 7.0`), "[007]"},
		{where(`row.statusAt > timestamp("1970-01-01T00:00:37Z")`), "[038 039]"},
		{where(`row.planId == "plan-1" && row.statusAt < timestamp("1970-01-01T00:00:06Z")`), "[001 005]"},
		{where(`has(row.denialCode) && row.claimId.endsWith("9")`), "[009 039]"},
		{where(`row.history.exists(h, h.id == "e12")`), "[012]"},
		{where(`row.marks.size() == 0 && row.claimId < "CLM-002"`), "[000 001]"},
		{where(`row.billed > 1000.0`), "[]"},
		{where(`1 / (int(row.billed) - 7) == 1`), "[008]"},
		{"/v1/views/claim-status?sort=-billed&limit=3", "[039 038 037]"},
		{"/v1/views/claim-status?sort=planId,-claimId&limit=2", "[036 032]"},
		{where(`row.status == "DENIED"`, "sort", "billed", "limit", "3"), "[003 006 009]"},
		{"/v1/views/claim-status?sort=billed&limit=40", ""},
	} {
		resp, body := r.get(c.path)
		got := keysOf(body)
		if c.want == "" { // those without a value come last
			if len(got) != 40 || strings.Join(got[32:], " ") != "000 005 010 015 020 025 030 035" {
				t.Errorf("%s: %v", c.path, got)
			}
		} else if resp.Code != 200 || fmt.Sprint(got) != c.want || body["looked"] != 40.0 {
			t.Errorf("%s: %d %v %v", c.path, resp.Code, got, body)
		}
	}
	if _, body := r.get(where(`1 / (int(row.billed) - 7) == 1`)); body["failed"] != 1.0 {
		t.Errorf("failed: %v", body["failed"])
	}
	if last := r.log.records[len(r.log.records)-1]; last.Act != "view.query" || last.Count != 1 || last.Classes != "PHI" {
		t.Errorf("%+v", last)
	}
}

func TestQueriesShowTheFieldsThatAreAskedFor(t *testing.T) {
	r := readerOf(t, someClaims(2), tables.Scopes{Admin: true})
	_, body := r.get("/v1/views/claim-status?fields=claimId,history.type,billed,history.id")
	if got := fmt.Sprint(list(body["rows"])[1].(map[string]any)["value"]); got != "map[billed:1.00 claimId:CLM-001 history:[map[id:e1 type:CLAIM_PAID]]]" {
		t.Error(got)
	}
}

func TestQueriesGoOnWhereTheyStopped(t *testing.T) {
	r := readerOf(t, someClaims(1000), tables.Scopes{Admin: true})
	var got []string
	path, pages := where(`row.status == "DENIED"`, "limit", "7"), 0
	for next := ""; ; pages++ {
		_, body := r.get(path + "&cursor=" + next)
		got = append(got, keysOf(body)...)
		if next, _ = body["next"].(string); next == "" {
			break
		}
	}
	if len(got) != 334 || pages < 47 || got[333] != "999" {
		t.Errorf("%d rows on %d pages", len(got), pages)
	}
}

// TestWhatMayNotBeSeenCannotBeAskedAbout: which rows come, in which order, and
// which fields there are, tell nothing that is withheld.
func TestWhatMayNotBeSeenCannotBeAskedAbout(t *testing.T) {
	r := readerOf(t, someClaims(10), tables.Scopes{Read: []string{"*"}}, "BANK")
	for _, text := range []string{`row.status == "DENIED"`, `has(row.denialCode)`, `string(row.billed) == "3"`, `row.marks.size() > 0`, `row.marks.exists(m, m == "x")`,
		`row.history.exists(h, h.outcome == "UPHELD")`, `row.history.exists(h, has(h.outcome))`, `[row.memberId].exists(m, m == "MBR-1")`, `row.history.map(h, h.memberId).size() > 0`,
		`(row.paidProvisional ? row.memberId : "") == "MBR-1"`, `{"a": row.memberId}["a"] == "MBR-1"`, `row.history[0].billed > 1.0`, `row == row`,
		`dyn(row).memberId == "MBR-1"`, `type(row.memberId) == string`, `row.memberId in ["MBR-1"]`, `row.history.all(h, h == h)`} {
		resp, body := r.get(where(text))
		if code := body["code"]; resp.Code != 403 && resp.Code != 422 || resp.Code == 403 && code != "NOT_VISIBLE" {
			t.Errorf("%s: %d %v", text, resp.Code, body)
		}
		if b := resp.Body.String(); strings.Contains(b, "MBR-1") || strings.Contains(b, "UPHELD") || strings.Contains(b, "DENIED") {
			t.Errorf("%s: the answer repeats it: %s", text, b)
		}
	}
	for path, at := range map[string]string{"?sort=billed": "query.sort", "?sort=-planId,status": "query.sort", "?fields=planId,claimId": "query.fields", "?fields=history.outcome": "query.fields"} {
		resp, body := r.get("/v1/views/claim-status" + path)
		if resp.Code != 403 || body["code"] != "NOT_VISIBLE" || list(body["errors"])[0].(map[string]any)["pointer"] != at {
			t.Errorf("%s: %d %v", path, resp.Code, body)
		}
	}
	if _, body := r.get(where(`row.planId == "plan-1"`)); len(keysOf(body)) != 3 {
		t.Errorf("what may be seen: %v", body)
	}
}

func TestQuestionsThatAreNotLegal(t *testing.T) {
	r := readerOf(t, someClaims(3), tables.Scopes{Admin: true})
	for path, want := range map[string]string{
		where(`row.billed`): "INVALID_CONDITION query.where", where(`row.nothing == "secret-canary"`): "INVALID_CONDITION query.where", where(`row.billed == "secret-canary"`): "INVALID_CONDITION query.where",
		where(`row.memberId == canary`): "INVALID_CONDITION query.where", where(`(((`): "INVALID_CONDITION query.where", where(`event.id == "x"`): "INVALID_CONDITION query.where",
		where(`row.claimId.matches("(a{1000}){1000}")`): "INVALID_CONDITION query.where", where(`row.claimId.matches(row.memberId)`): "INVALID_CONDITION query.where",
		where(`row.history.exists(a, row.history.exists(b, row.history.exists(c, true)))`):      "INVALID_CONDITION query.where",
		where(`row.history.all(a, row.history.all(b, a.memberId + b.memberId == b.claimType))`): "INVALID_CONDITION query.where",
		"/v1/views/claim-status?sort=canary":                                                    "UNKNOWN_FIELD query.sort",
		"/v1/views/claim-status?sort=history":                                                   "INVALID_CONDITION query.sort",
		"/v1/views/claim-status?fields=claimId,canary":                                          "UNKNOWN_FIELD query.fields",
		"/v1/views/claim-status?fields=claimId.canary":                                          "UNKNOWN_FIELD query.fields",
		"/v1/views/claim-status?limit=1001":                                                     " query.limit",
		"/v1/views/claim-status?sort=a,b,c,d":                                                   " query.sort",
		where(strings.Repeat("x", 4097)):                                                        " query.where",
	} {
		resp, body := r.get(path)
		faults := list(body["errors"])
		if resp.Code != 422 || len(faults) == 0 {
			t.Errorf("%.80s: %d %v", path, resp.Code, body)
			continue
		}
		first := faults[0].(map[string]any)
		code, _ := first["code"].(string)
		if code+" "+first["pointer"].(string) != want || strings.Contains(resp.Body.String(), "canary") {
			t.Errorf("%.80s: %v", path, body)
		}
	}
}

func TestACursorIsOfOneQuestion(t *testing.T) {
	r := readerOf(t, mixed{rows{keys: []string{"a", "b", "c"}}}, tables.Scopes{Admin: true})
	_, body := r.get("/v1/views/claim-status?limit=1")
	cursor := body["next"].(string)
	for _, path := range []string{"/v1/views/plain?limit=1", "/v1/views/claim-status?limit=1&synthetic=true", where(`true`, "limit", "1"), "/v1/views/claim-status?sort=billed&limit=1"} {
		if resp, body := r.get(path + "&cursor=" + cursor); resp.Code != 422 || body["code"] != "INVALID_CURSOR" {
			t.Errorf("%s: %d %v", path, resp.Code, body)
		}
	}
	if resp, _ := r.get("/v1/views/claim-status?limit=2&cursor=" + cursor); resp.Code != 200 {
		t.Errorf("its own: %d", resp.Code)
	}
	if strings.Contains(cursor, "AAAA") {
		t.Errorf("the cursor is not sealed: %s", cursor)
	}
}
