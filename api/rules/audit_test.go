package rules_test

import (
	"strings"
	"testing"

	"payerflow/internal/topology"
	"payerflow/tables"
)

// TestEveryActIsWrittenDown, done or refused, before it is done, and without
// secrets or values.
func TestEveryActIsWrittenDown(t *testing.T) {
	s := start(t)
	team := s.token("care", tables.Scopes{Subscribe: []string{"CLAIM_*"}})
	other := s.token("other", tables.Scopes{Subscribe: []string{"CLAIM_*"}})
	made := s.Audit.Taken()
	if len(made) != 2 || made[1].Act != "token.make" || !strings.Contains(made[1].After, `"hash":"***REDACTED***"`) {
		t.Errorf("%+v", made)
	}
	const rule = "/v1/routing-rules/care/big"
	written := func(name string, want ...string) {
		t.Helper()
		got := s.Audit.Taken()
		if len(got) != len(want) {
			t.Errorf("%s: %d records, want %d: %+v", name, len(got), len(want), got)
			return
		}
		for i, e := range got {
			if line := strings.TrimSpace(strings.Join([]string{e.Act, e.Object, e.Name, e.Decision, e.Code}, " ")); line != want[i] {
				t.Errorf("%s: %s, want %s", name, line, want[i])
			}
			if e.Actor == "" || e.Team == "" {
				t.Errorf("%s: nobody did it: %+v", name, e)
			}
			if text := e.Before + e.After; strings.Contains(text, "canary") || strings.Contains(text, "4711") {
				t.Errorf("%s: a value is kept: %s", name, text)
			}
		}
	}
	body := map[string]any{"eventTypes": []string{"CLAIM_SUBMITTED"}, "condition": `event.sourceSystem == "canary" && size(tags) > 4711`}
	s.Want(201, "", s.Ask(team, "PUT", rule+"?why=asked", body))
	if e := s.Audit.Written()[0]; e.Why != "asked" || e.Before != "" || !strings.Contains(e.After, `event.sourceSystem == \"***REDACTED***\"`) {
		t.Errorf("%+v", e)
	}
	written("put", "routing-rule.put routing-rule care/big ALLOW")
	s.Want(412, "", s.Ask(team, "PUT", rule, body, "If-Match", `"9"`))
	written("conflict", "routing-rule.put routing-rule care/big DENY VERSION_CONFLICT")
	s.Want(403, "", s.Ask(other, "PUT", rule, body, "If-Match", `"1"`))
	written("another team's", "routing-rule.put routing-rule care/big DENY FORBIDDEN")
	s.Want(422, "", s.Ask(team, "PUT", rule, map[string]any{"eventTypes": []string{"CLAIM_SUBMITTED"}, "condition": "canary("}, "If-Match", `"1"`))
	written("refused", "routing-rule.put routing-rule care/big DENY ROW_REFUSED")
	s.Want(200, "", s.Ask(team, "GET", rule, nil))
	s.Want(404, "", s.Ask(team, "GET", "/v1/routing-rules/care/none", nil))
	written("looks")
	s.Want(200, "", s.Ask(s.admin, "POST", "/v1/redaction/preview", map[string]any{"team": "care", "eventType": "CLAIM_SUBMITTED", "body": map[string]any{"claimId": "canary"}}))
	written("preview of a body", "redaction.preview event-type CLAIM_SUBMITTED ALLOW")

	s.Audit.Fail(topology.ErrUnavailable)
	s.Want(503, "AUDIT_UNAVAILABLE", s.Ask(team, "DELETE", rule, nil))
	s.Want(503, "AUDIT_UNAVAILABLE", s.Ask(s.admin, "POST", "/v1/redaction/preview", map[string]any{"team": "care", "eventType": "CLAIM_SUBMITTED", "body": map[string]any{"claimId": "canary"}}))
	s.Want(200, "", s.Ask(team, "GET", rule, nil)) // not done, and looked at all the same
	id, _, _ := strings.Cut(strings.TrimPrefix(team, "pf_"), "_")
	s.Want(200, `"revoked":true`, s.Ask(s.admin, "POST", "/v1/tokens/"+id+"/revoke", nil))
	s.Audit.Fail(nil)
	s.Want(204, "", s.Ask(s.admin, "DELETE", rule, nil))
	if e := s.Audit.Written()[0]; !strings.Contains(e.Before, "CLAIM_SUBMITTED") || e.After != "" {
		t.Errorf("%+v", e)
	}
	written("delete", "routing-rule.delete routing-rule care/big ALLOW")
}
