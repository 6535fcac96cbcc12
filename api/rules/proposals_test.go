package rules_test

import (
	"strings"
	"testing"

	"payerflow/api/rules"
	"payerflow/internal/stage"
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
	s.Want(403, "FORBIDDEN", s.Ask(care, "PUT", "/v1/approval-policies/phi", object{"kinds": []string{"permission"}, "teams": []string{"*"}}))
	s.Want(201, "", s.Ask(s.admin, "PUT", "/v1/approval-policies/phi", object{"kinds": []string{"permission", "approval-policy"}, "teams": []string{"*"}, "approve": []string{"compliance"}}))
	s.Want(409, "APPROVAL_NEEDED", s.Ask(s.admin, "PUT", "/v1/permissions/care/PHI", object{}))
	s.Want(409, "APPROVAL_NEEDED", s.Ask(s.admin, "DELETE", "/v1/approval-policies/phi", nil))

	asked := proposal("care team", object{"kind": "permission", "row": object{"team": "care", "class": "PHI"}})
	s.Want(403, "NOT_PERMITTED", s.Ask(other, "POST", "/v1/proposals", asked))
	made := s.Want(201, `"PROPOSED"`, s.Ask(care, "POST", "/v1/proposals", asked)).JSON(t)
	path := "/v1/proposals/" + made["name"].(string)
	s.Want(404, "ROW_NOT_FOUND", s.Ask(other, "GET", path, nil))
	s.Want(200, "wants 1 approvals", s.Ask(compliance, "GET", path, nil))
	s.Want(409, "APPROVAL_NEEDED", s.Ask(care, "POST", path+"/apply", nil))
	s.Want(403, "SELF_APPROVAL", s.Ask(care, "POST", path+"/approve", nil))
	s.Want(403, "NOT_PERMITTED", s.Ask(s.admin, "POST", path+"/approve", nil))
	s.Want(200, `"APPROVED"`, s.Ask(compliance, "POST", path+"/approve?why=fine", nil))
	s.Want(404, "", s.Ask(care, "GET", "/v1/permissions/care/PHI", nil))
	s.Want(200, `"ACTIVE"`, s.Ask(care, "POST", path+"/apply", nil))
	s.Want(200, "", s.Ask(care, "GET", "/v1/permissions/care/PHI", nil))
	s.Want(200, made["name"].(string), s.Ask(care, "GET", "/v1/proposals?all=true", nil))
	if a := s.Ask(care, "GET", "/v1/proposals", nil); strings.Contains(string(a.Body), "c-") {
		t.Errorf("what is over is listed: %s", a.Body)
	}

	back := s.Want(201, `"DELETE"`, s.Ask(care, "POST", "/v1/rollbacks", object{"proposal": made["name"], "why": "over"})).JSON(t)
	path = "/v1/proposals/" + back["name"].(string)
	s.Want(200, `"APPROVED"`, s.Ask(compliance, "POST", path+"/approve", nil))
	s.Want(200, "", s.Ask(care, "POST", path+"/apply", nil))
	s.Want(404, "", s.Ask(care, "GET", "/v1/permissions/care/PHI", nil))
	rejected := s.Want(201, "", s.Ask(care, "POST", "/v1/proposals", asked)).JSON(t)["name"].(string)
	s.Want(200, `"REJECTED"`, s.Ask(compliance, "POST", "/v1/proposals/"+rejected+"/reject", nil))
}

// Grace policies change as routing rules do: who may not write one may propose
// it where a policy says so, and another approves.
func TestGracePolicyWithApproval(t *testing.T) {
	s := start(t)
	billing, compliance := s.token("billing", tables.Scopes{Read: []string{"none"}}), s.token("compliance", tables.Scopes{Read: []string{"none"}})
	row := object{"plan": "gold", "effective": "2026-07-01", "days": 31}
	s.Want(403, "FORBIDDEN", s.Ask(billing, "PUT", "/v1/grace-policies/gold/2026-07-01", row))
	s.Want(201, `"zone":"America/New_York"`, s.Ask(s.admin, "PUT", "/v1/grace-policies/gold/2026-06-01", object{"days": 20}))
	s.Want(422, "INVALID_VALUE", s.Ask(s.admin, "PUT", "/v1/grace-policies/gold/2026-06-02", row))
	s.Want(201, "", s.Ask(s.admin, "PUT", "/v1/approval-policies/grace", object{"kinds": []string{"grace-policy"}, "teams": []string{"*"}, "propose": []string{"billing"}, "approve": []string{"compliance"}}))
	s.Want(409, "APPROVAL_NEEDED", s.Ask(s.admin, "PUT", "/v1/grace-policies/gold/2026-07-01", row))
	made := s.Want(201, `"PROPOSED"`, s.Ask(billing, "POST", "/v1/proposals", proposal("state law", object{"kind": "grace-policy", "row": row}))).JSON(t)
	path := "/v1/proposals/" + made["name"].(string)
	s.Want(200, `"APPROVED"`, s.Ask(compliance, "POST", path+"/approve", nil))
	s.Want(200, `"ACTIVE"`, s.Ask(billing, "POST", path+"/apply", nil))
	s.Want(200, `"days":31`, s.Ask(billing, "GET", "/v1/grace-policies/gold/2026-07-01", nil))
	s.Want(200, "gold/2026-06-01", s.Ask(billing, "GET", "/v1/grace-policies", nil))
}

func TestBundleHasItsTopics(t *testing.T) {
	s := start(t)
	care := s.token("care", tables.Scopes{Subscribe: []string{"CLAIM_*"}})
	bundle := proposal("both", object{"kind": "routing-rule", "row": object{"team": "care", "name": "r", "eventTypes": []string{"CLAIM_*"}, "condition": "", "destination": "care/new"}},
		object{"kind": "subscription", "row": object{"team": "care", "name": "new"}})
	s.Want(403, "FORBIDDEN", s.Ask(care, "POST", "/v1/proposals", bundle)) // a subscription without types is one to all
	bundle["changes"].([]object)[1]["row"].(object)["eventTypes"] = []string{"CLAIM_DENIED"}
	made := s.Want(201, "", s.Ask(care, "POST", "/v1/proposals", bundle)).JSON(t)
	path := "/v1/proposals/" + made["name"].(string)
	s.Want(200, `"ACTIVE"`, s.Ask(care, "POST", path+"/apply", nil))
	facts, err := s.Client.TopicFacts(s.Context(), "consumer.care.new")
	stage.Must(t, err)
	if facts["consumer.care.new"].Missing {
		t.Error("the subscription is active and has no topic")
	}

	// Two edit the same row: the second is told which, and what to do.
	edit := func(tag string) object {
		return proposal("edit", object{"kind": "subscription", "row": object{"team": "care", "name": "new", "eventTypes": []string{"CLAIM_DENIED"}, "tags": object{"anyOf": []string{tag}}}})
	}
	first, second := s.Want(201, "", s.Ask(care, "POST", "/v1/proposals", edit("a"))).JSON(t), s.Want(201, "", s.Ask(care, "POST", "/v1/proposals", edit("b"))).JSON(t)
	s.Want(200, "", s.Ask(care, "POST", "/v1/proposals/"+first["name"].(string)+"/apply", nil))
	a := s.Want(412, processors.VersionConflict, s.Ask(care, "POST", "/v1/proposals/"+second["name"].(string)+"/apply", nil))
	if !strings.Contains(string(a.Body), "subscription care/new: the row is at version 2") {
		t.Errorf("not clear: %s", a.Body)
	}
	s.Want(200, `"WITHDRAWN"`, s.Ask(care, "POST", "/v1/proposals/"+second["name"].(string)+"/withdraw", nil))
	versions := s.Want(200, "", s.Ask(care, "GET", "/v1/versions?kind=subscription&name=care/new", nil))
	if strings.Count(string(versions.Body), `"version"`) != 2 {
		t.Errorf("%s", versions.Body)
	}
	s.Want(409, "STILL_ACTIVE", s.Ask(care, "POST", "/v1/proposals", proposal("x", object{"kind": "subscription", "name": "care/new", "act": "DELETE"})))
	s.Want(404, "ROW_NOT_FOUND", s.Ask(care, "POST", "/v1/rollbacks", rules.Rollback{Kind: "subscription", Name: "care/new", Version: 9, Why: "x"}))
	s.Want(422, "ROW_REFUSED", s.Ask(care, "POST", "/v1/proposals", proposal("x", object{"kind": "token", "row": object{}})))
}
