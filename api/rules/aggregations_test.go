package rules_test

import (
	"strings"
	"testing"

	"payerflow/tables"
)

const combinedSchema = `{"type":"object","properties":{"key":{"type":"string"}}}`

// Aggregations are written, proposed, approved, taken back and exported as
// routing rules are, by who may take the events and publish the output.
func TestAggregationsChangeAsRulesDo(t *testing.T) {
	s := start(t)
	care := s.token("care", tables.Scopes{Subscribe: []string{"CLAIM_*"}, Publish: []string{"Claims-*"}})
	reader := s.token("care", tables.Scopes{Subscribe: []string{"CLAIM_*"}})
	desk := s.token("desk", tables.Scopes{Subscribe: []string{"*"}, Publish: []string{"*"}})
	s.want(201, "", s.ask(s.admin, "PUT", "/v1/event-types/Claims-Counted-Day", object{"parts": []string{"Claims", "Counted", "Day"}, "owner": "care", "doc": "d", "schema": combinedSchema, "keyField": "/key", "fields": []object{}}))
	row := object{"combine": "WINDOW", "steps": []object{{"name": "claims", "eventTypes": []string{"CLAIM_SUBMITTED"}}}, "key": "transactionId", "window": object{"shape": "tumbling", "size": "1d"}, "output": "Claims-Counted-Day"}
	const path = "/v1/aggregations/care/daily"
	s.want(403, "FORBIDDEN", s.ask(reader, "PUT", path, row))
	s.want(403, "FORBIDDEN", s.ask(desk, "PUT", path, row))
	wide := object{"combine": "WINDOW", "steps": []object{{"name": "all", "eventTypes": []string{"C*"}}}, "key": "transactionId", "window": row["window"], "output": row["output"]}
	s.want(403, "FORBIDDEN", s.ask(care, "PUT", path, wide))
	bad := s.want(422, "/window/size", s.ask(care, "PUT", path, object{"combine": "WINDOW", "steps": row["steps"], "key": "transactionId", "window": object{"shape": "tumbling", "size": "canary"}, "output": row["output"]}))
	if strings.Contains(string(bad.body), "canary") {
		t.Error("a value is repeated")
	}
	s.want(201, `"ACTIVE"`, s.ask(care, "PUT", path, row))
	s.want(404, "ROW_NOT_FOUND", s.ask(desk, "GET", path, nil))
	s.want(200, `"PAUSED"`, s.ask(care, "POST", path+"/pause", nil))
	s.want(200, `"ACTIVE"`, s.ask(care, "POST", path+"/resume", nil))
	s.want(200, `"kind":"aggregation"`, s.ask(care, "GET", "/v1/bundle", nil))

	s.want(201, "", s.ask(s.admin, "PUT", "/v1/approval-policies/combined", object{"kinds": []string{"aggregation"}, "teams": []string{"*"}, "approve": []string{"desk"}}))
	s.want(409, "APPROVAL_NEEDED", s.ask(care, "PUT", path, row, "If-Match", "3"))
	narrow := object{"team": "care", "name": "daily", "combine": "WINDOW", "steps": row["steps"], "key": "sourceSystem", "window": row["window"], "output": row["output"]}
	made := s.want(201, `"PROPOSED"`, s.ask(care, "POST", "/v1/proposals", proposal("fewer keys", object{"kind": "aggregation", "row": narrow}))).json(t)
	proposed := "/v1/proposals/" + made["name"].(string)
	s.want(200, `"APPROVED"`, s.ask(desk, "POST", proposed+"/approve", nil))
	s.want(200, `"ACTIVE"`, s.ask(care, "POST", proposed+"/apply", nil))
	s.want(200, `"sourceSystem"`, s.ask(care, "GET", path, nil))
	back := s.want(201, "", s.ask(care, "POST", "/v1/rollbacks", object{"kind": "aggregation", "name": "care/daily", "version": 1, "why": "as it was"})).json(t)
	proposed = "/v1/proposals/" + back["name"].(string)
	s.want(200, `"APPROVED"`, s.ask(desk, "POST", proposed+"/approve", nil))
	s.want(200, `"ACTIVE"`, s.ask(care, "POST", proposed+"/apply", nil))
	s.want(200, `"transactionId"`, s.ask(care, "GET", path, nil))
}
