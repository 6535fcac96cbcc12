package api_test

import (
	"fmt"
	"testing"

	"payerflow/tables"
)

func TestAggregates(t *testing.T) {
	r := readerOf(t, someClaims(40), tables.Scopes{Admin: true})
	_, body := r.get("/v1/views/claim-status/aggregate?by=status&sum=billed&min=billed&max=statusAt")
	if got := fmt.Sprint(body["groups"], body["total"], body["looked"]); got != `[map[count:26 max:1970-01-01T00:00:38Z min:1.00 sum:412 value:PAID] map[count:14 max:1970-01-01T00:00:39Z min:3.00 sum:228 value:DENIED]] map[count:40 max:1970-01-01T00:00:39Z min:1.00 sum:640] 40` {
		t.Error(got)
	}
	if _, body = r.get("/v1/views/claim-status/aggregate?by=planId&where=row.billed+%3E+37.0"); fmt.Sprint(body["groups"]) != "[map[count:1 value:plan-2] map[count:1 value:plan-3]]" {
		t.Error(body)
	}
	if last := r.log.records[len(r.log.records)-1]; last.Act != "view.aggregate" || last.Classes != "PHI" {
		t.Errorf("%+v", last)
	}
	for path, code := range map[string]string{"?by=claimId": "", "?by=canary": "INVALID_QUERY", "?sum=status": "INVALID_QUERY"} {
		if resp, body := r.get("/v1/views/claim-status/aggregate" + path); code == "" && resp.Code != 200 || code != "" && (resp.Code != 422 || body["code"] != code) {
			t.Errorf("%s: %d %v", path, resp.Code, body)
		}
	}
	if resp, body := readerOf(t, someClaims(1001), tables.Scopes{Admin: true}).get("/v1/views/claim-status/aggregate?by=claimId"); resp.Code != 422 || body["code"] != "TOO_MANY_GROUPS" {
		t.Errorf("%d %v", resp.Code, body)
	}
}

// TestSmallGroupsAreSuppressed: the made-up claims are of seven members, so
// that no group of them has eleven.
func TestSmallGroupsAreSuppressed(t *testing.T) {
	r := readerOf(t, someClaims(400), tables.Scopes{Read: []string{"*"}})
	_, body := r.get("/v1/views/claim-status/aggregate?by=status")
	if got := fmt.Sprint(body["groups"], body["total"], body["suppressed"], body["looked"]); got != "[map[suppressed:true] map[suppressed:true]] map[suppressed:true] 2 <nil>" {
		t.Error(got)
	}
	if resp, body := r.get("/v1/views/claim-status/aggregate?by=memberId"); resp.Code != 403 || body["code"] != "NOT_VISIBLE" {
		t.Errorf("%d %v", resp.Code, body)
	}
}
