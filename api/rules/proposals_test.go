package rules_test

import (
	"strings"
	"testing"

	"payerflow/api/rules"
	"payerflow/processors"
	"payerflow/tables"
)

type object = map[string]any

func proposal(why string, changes ...object) object { return object{"why": why, "changes": changes} }

func TestChangeWithApproval(t *testing.T) {
	s := start(t)
	care := s.token("care", tables.Scopes{Subscribe: []string{"CLAIM_*"}})
	other := s.token("desk", tables.Scopes{Subscribe: []string{"*"}})
	compliance := s.token("compliance", tables.Scopes{Read: []string{"none"}})
	s.want(403, "FORBIDDEN", s.ask(care, "PUT", "/v1/approval-policies/phi", object{"kinds": []string{"permission"}, "teams": []string{"*"}}))
	s.want(201, "", s.ask(s.admin, "PUT", "/v1/approval-policies/phi", object{"kinds": []string{"permission", "approval-policy"}, "teams": []string{"*"}, "approve": []string{"compliance"}}))
	s.want(409, "APPROVAL_NEEDED", s.ask(s.admin, "PUT", "/v1/permissions/care/PHI", object{}))
	s.want(409, "APPROVAL_NEEDED", s.ask(s.admin, "DELETE", "/v1/approval-policies/phi", nil))

	asked := proposal("care team", object{"kind": "permission", "row": object{"team": "care", "class": "PHI"}})
	s.want(403, "NOT_PERMITTED", s.ask(other, "POST", "/v1/proposals", asked))
	made := s.want(201, `"PROPOSED"`, s.ask(care, "POST", "/v1/proposals", asked)).json(t)
	path := "/v1/proposals/" + made["name"].(string)
	s.want(404, "ROW_NOT_FOUND", s.ask(other, "GET", path, nil))
	s.want(200, "wants 1 approvals", s.ask(compliance, "GET", path, nil))
	s.want(409, "APPROVAL_NEEDED", s.ask(care, "POST", path+"/apply", nil))
	s.want(403, "SELF_APPROVAL", s.ask(care, "POST", path+"/approve", nil))
	s.want(403, "NOT_PERMITTED", s.ask(s.admin, "POST", path+"/approve", nil))
	s.want(200, `"APPROVED"`, s.ask(compliance, "POST", path+"/approve?why=fine", nil))
	s.want(404, "", s.ask(care, "GET", "/v1/permissions/care/PHI", nil))
	s.want(200, `"ACTIVE"`, s.ask(care, "POST", path+"/apply", nil))
	s.want(200, "", s.ask(care, "GET", "/v1/permissions/care/PHI", nil))
	s.want(200, made["name"].(string), s.ask(care, "GET", "/v1/proposals?all=true", nil))
	if a := s.ask(care, "GET", "/v1/proposals", nil); strings.Contains(string(a.body), "c-") {
		t.Errorf("what is over is listed: %s", a.body)
	}

	back := s.want(201, `"DELETE"`, s.ask(care, "POST", "/v1/rollbacks", object{"proposal": made["name"], "why": "over"})).json(t)
	path = "/v1/proposals/" + back["name"].(string)
	s.want(200, `"APPROVED"`, s.ask(compliance, "POST", path+"/approve", nil))
	s.want(200, "", s.ask(care, "POST", path+"/apply", nil))
	s.want(404, "", s.ask(care, "GET", "/v1/permissions/care/PHI", nil))
	s.want(201, `"REJECTED"`, answer{201, nil, s.ask(compliance, "POST", "/v1/proposals/"+s.want(201, "", s.ask(care, "POST", "/v1/proposals", asked)).json(t)["name"].(string)+"/reject", nil).body})
}

// Grace policies change as routing rules do: who may not write one may propose
// it where a policy says so, and another approves.
func TestGracePolicyWithApproval(t *testing.T) {
	s := start(t)
	billing, compliance := s.token("billing", tables.Scopes{Read: []string{"none"}}), s.token("compliance", tables.Scopes{Read: []string{"none"}})
	row := object{"plan": "gold", "effective": "2026-07-01", "days": 31}
	s.want(403, "FORBIDDEN", s.ask(billing, "PUT", "/v1/grace-policies/gold/2026-07-01", row))
	s.want(201, `"zone":"America/New_York"`, s.ask(s.admin, "PUT", "/v1/grace-policies/gold/2026-06-01", object{"days": 20}))
	s.want(422, "INVALID_VALUE", s.ask(s.admin, "PUT", "/v1/grace-policies/gold/2026-06-02", row))
	s.want(201, "", s.ask(s.admin, "PUT", "/v1/approval-policies/grace", object{"kinds": []string{"grace-policy"}, "teams": []string{"*"}, "propose": []string{"billing"}, "approve": []string{"compliance"}}))
	s.want(409, "APPROVAL_NEEDED", s.ask(s.admin, "PUT", "/v1/grace-policies/gold/2026-07-01", row))
	made := s.want(201, `"PROPOSED"`, s.ask(billing, "POST", "/v1/proposals", proposal("state law", object{"kind": "grace-policy", "row": row}))).json(t)
	path := "/v1/proposals/" + made["name"].(string)
	s.want(200, `"APPROVED"`, s.ask(compliance, "POST", path+"/approve", nil))
	s.want(200, `"ACTIVE"`, s.ask(billing, "POST", path+"/apply", nil))
	s.want(200, `"days":31`, s.ask(billing, "GET", "/v1/grace-policies/gold/2026-07-01", nil))
	s.want(200, "gold/2026-06-01", s.ask(billing, "GET", "/v1/grace-policies", nil))
}

func TestBundleHasItsTopics(t *testing.T) {
	s := start(t)
	care := s.token("care", tables.Scopes{Subscribe: []string{"CLAIM_*"}})
	bundle := proposal("both", object{"kind": "routing-rule", "row": object{"team": "care", "name": "r", "eventTypes": []string{"CLAIM_*"}, "condition": "", "destination": "care/new"}},
		object{"kind": "subscription", "row": object{"team": "care", "name": "new"}})
	s.want(403, "FORBIDDEN", s.ask(care, "POST", "/v1/proposals", bundle)) // a subscription without types is one to all
	bundle["changes"].([]object)[1]["row"].(object)["eventTypes"] = []string{"CLAIM_DENIED"}
	made := s.want(201, "", s.ask(care, "POST", "/v1/proposals", bundle)).json(t)
	path := "/v1/proposals/" + made["name"].(string)
	s.want(200, `"ACTIVE"`, s.ask(care, "POST", path+"/apply", nil))
	facts, err := s.client.TopicFacts(s.Context(), "consumer.care.new")
	must(t, err)
	if facts["consumer.care.new"].Missing {
		t.Error("the subscription is active and has no topic")
	}

	// Two edit the same row: the second is told which, and what to do.
	edit := func(tag string) object {
		return proposal("edit", object{"kind": "subscription", "row": object{"team": "care", "name": "new", "eventTypes": []string{"CLAIM_DENIED"}, "tags": object{"anyOf": []string{tag}}}})
	}
	first, second := s.want(201, "", s.ask(care, "POST", "/v1/proposals", edit("a"))).json(t), s.want(201, "", s.ask(care, "POST", "/v1/proposals", edit("b"))).json(t)
	s.want(200, "", s.ask(care, "POST", "/v1/proposals/"+first["name"].(string)+"/apply", nil))
	a := s.want(412, processors.VersionConflict, s.ask(care, "POST", "/v1/proposals/"+second["name"].(string)+"/apply", nil))
	if !strings.Contains(string(a.body), "subscription care/new: the row is at version 2") {
		t.Errorf("not clear: %s", a.body)
	}
	s.want(200, `"WITHDRAWN"`, s.ask(care, "POST", "/v1/proposals/"+second["name"].(string)+"/withdraw", nil))
	versions := s.want(200, "", s.ask(care, "GET", "/v1/versions?kind=subscription&name=care/new", nil))
	if strings.Count(string(versions.body), `"version"`) != 2 {
		t.Errorf("%s", versions.body)
	}
	s.want(409, "STILL_ACTIVE", s.ask(care, "POST", "/v1/proposals", proposal("x", object{"kind": "subscription", "name": "care/new", "act": "DELETE"})))
	s.want(404, "ROW_NOT_FOUND", s.ask(care, "POST", "/v1/rollbacks", rules.Rollback{Kind: "subscription", Name: "care/new", Version: 9, Why: "x"}))
	s.want(422, "ROW_REFUSED", s.ask(care, "POST", "/v1/proposals", proposal("x", object{"kind": "token", "row": object{}})))
}
