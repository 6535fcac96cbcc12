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
	s.Want(201, "", s.Ask(s.admin, "PUT", "/v1/event-types/Claims-Counted-Day", object{"parts": []string{"Claims", "Counted", "Day"}, "owner": "care", "doc": "d", "schema": combinedSchema, "keyField": "/key", "fields": []object{}}))
	row := object{"combine": "WINDOW", "steps": []object{{"name": "claims", "eventTypes": []string{"CLAIM_SUBMITTED"}}}, "key": "transactionId", "window": object{"shape": "tumbling", "size": "1d"}, "output": "Claims-Counted-Day"}
	const path = "/v1/aggregations/care/daily"
	s.Want(403, "FORBIDDEN", s.Ask(reader, "PUT", path, row))
	s.Want(403, "FORBIDDEN", s.Ask(desk, "PUT", path, row))
	wide := object{"combine": "WINDOW", "steps": []object{{"name": "all", "eventTypes": []string{"C*"}}}, "key": "transactionId", "window": row["window"], "output": row["output"]}
	s.Want(403, "FORBIDDEN", s.Ask(care, "PUT", path, wide))
	bad := s.Want(422, "/window/size", s.Ask(care, "PUT", path, object{"combine": "WINDOW", "steps": row["steps"], "key": "transactionId", "window": object{"shape": "tumbling", "size": "canary"}, "output": row["output"]}))
	if strings.Contains(string(bad.Body), "canary") {
		t.Error("a value is repeated")
	}
	s.Want(201, `"ACTIVE"`, s.Ask(care, "PUT", path, row))
	s.Want(404, "ROW_NOT_FOUND", s.Ask(desk, "GET", path, nil))
	s.Want(200, `"PAUSED"`, s.Ask(care, "POST", path+"/pause", nil))
	s.Want(200, `"ACTIVE"`, s.Ask(care, "POST", path+"/resume", nil))
	s.Want(200, `"kind":"aggregation"`, s.Ask(care, "GET", "/v1/bundle", nil))

	s.Want(201, "", s.Ask(s.admin, "PUT", "/v1/approval-policies/combined", object{"kinds": []string{"aggregation"}, "teams": []string{"*"}, "approve": []string{"desk"}}))
	s.Want(409, "APPROVAL_NEEDED", s.Ask(care, "PUT", path, row, "If-Match", "3"))
	narrow := object{"team": "care", "name": "daily", "combine": "WINDOW", "steps": row["steps"], "key": "sourceSystem", "window": row["window"], "output": row["output"]}
	made := s.Want(201, `"PROPOSED"`, s.Ask(care, "POST", "/v1/proposals", proposal("fewer keys", object{"kind": "aggregation", "row": narrow}))).JSON(t)
	proposed := "/v1/proposals/" + made["name"].(string)
	s.Want(200, `"APPROVED"`, s.Ask(desk, "POST", proposed+"/approve", nil))
	s.Want(200, `"ACTIVE"`, s.Ask(care, "POST", proposed+"/apply", nil))
	s.Want(200, `"sourceSystem"`, s.Ask(care, "GET", path, nil))
	back := s.Want(201, "", s.Ask(care, "POST", "/v1/rollbacks", object{"kind": "aggregation", "name": "care/daily", "version": 1, "why": "as it was"})).JSON(t)
	proposed = "/v1/proposals/" + back["name"].(string)
	s.Want(200, `"APPROVED"`, s.Ask(desk, "POST", proposed+"/approve", nil))
	s.Want(200, `"ACTIVE"`, s.Ask(care, "POST", proposed+"/apply", nil))
	s.Want(200, `"transactionId"`, s.Ask(care, "GET", path, nil))
}
