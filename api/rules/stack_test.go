package rules_test

import (
	"testing"

	"payerflow/api"
	"payerflow/api/audit"
	"payerflow/api/rules"
	"payerflow/connectors/kafka"
	"payerflow/internal/stage"
	"payerflow/tables"
)

// root may do everything on the broker.
var root = kafka.Login{Username: "root", Password: "root-password", Mechanism: kafka.Scram512}

// stack is the surface of the rules over a broker that knows who asks.
type stack struct {
	*stage.Stage
	admin string
}

func start(t *testing.T) *stack {
	t.Helper()
	s := &stack{Stage: stage.New(t, stage.Options{Superuser: root})}
	door := &rules.Door{Log: audit.Over(kafka.Provisioned{Control: s.Control}), Keys: s.Keys, Logger: s.Logger()}
	s.Serve(api.New(stage.NoViews, api.Options{Version: "test", Guard: s.Guard(), Doors: []api.Door{door, streamDoor{}}}))
	_, s.admin = s.Token("platform", tables.Scopes{Admin: true})
	return s
}

// token makes one over the surface.
func (s *stack) token(team string, scopes tables.Scopes) string {
	s.Helper()
	a := s.Want(201, "", s.Ask(s.admin, "POST", "/v1/tokens", rules.NewToken{Team: team, Scopes: scopes}))
	return a.JSON(s)["token"].(string)
}
