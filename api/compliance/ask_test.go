package compliance_test

import (
	"encoding/json"
	"strings"
	"testing"

	"payerflow/api/compliance"
	"payerflow/events"
	"payerflow/internal/stage"
	"payerflow/tables"
)

// TestAskTheAudit: who may ask finds who saw an entity, and each question is in
// the audit itself.
func TestAskTheAudit(t *testing.T) {
	s := newDesk(t)
	_, token := s.token(tables.Scopes{Audit: true})
	id, reader := s.token(tables.Scopes{Read: []string{"claim-status"}})
	s.Demand(200, reader, "GET", row, "")
	s.Demand(403, token, "GET", row, "")
	s.taken()

	const path = "/v1/audit/queries"
	ask := func(question string) (out compliance.Answered) {
		stage.Must(t, json.Unmarshal([]byte(s.Demand(200, token, "POST", path, question)), &out))
		s.wrote("query-audit ALLOW false")
		return out
	}
	s.Demand(403, reader, "POST", path, `{}`)
	s.wrote("query-audit DENY FORBIDDEN false")
	for question, want := range map[string]int{
		`{"key":"` + canary + `","act":"view.read"}`:                                     2,
		`{"key":"` + canary + `","actor":"` + id + `"}`:                                  1,
		`{"key":"CLM-OTHER"}`:                                                            0,
		`{"act":"view.*","decision":"DENY"}`:                                             1,
		`{"act":"view.*","until":"2020-01-01T00:00:00Z","since":"2019-01-01T00:00:00Z"}`: 0,
	} {
		if got := ask(question); got.Found != want || len(got.Records) != want {
			t.Errorf("%s: %d records, want %d", question, got.Found, want)
		}
	}
	got := ask(`{"act":"view.read","limit":1}`)
	if got.Found != 2 || len(got.Records) != 1 || got.Records[0].Decision != events.AuditDeny {
		t.Errorf("the newest alone: %+v", got)
	}
	s.Demand(422, token, "POST", path, `{"limit":100000}`)
	s.taken()
	if text := s.Demand(200, token, "POST", path, `{"key":"`+canary+`"}`); strings.Contains(text, canary) {
		t.Error("the key itself is in the answer")
	}
	s.taken()

	s.Demand(403, reader, "POST", "/v1/audit/checks", "")
	s.wrote("check-audit DENY FORBIDDEN false")
	if text := s.Demand(503, token, "POST", "/v1/audit/checks", ""); !strings.Contains(text, "UNAVAILABLE") {
		t.Errorf("nothing chains here, so that nothing can be decided: %s", text)
	}
}
