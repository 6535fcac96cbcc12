package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// MediatorRules folds the control log into one row by kind/name, for queries.
// Doors and routers work with processors.Rules.
var MediatorRules = topology.Group[tables.RuleRow]{
	Name:   "mediator-rules.v1-mediator-consumer",
	Doc:    "what the mediator's rules say, and who changed them when and why",
	Rows:   codecs.NewAvro[tables.RuleRow]("mediator-rules.v1-mediator-consumer-table", rowBytes),
	Inputs: topology.Inputs[tables.RuleRow]{topology.Fold(Control, processors.FoldControl)},
	View:   topology.View{Name: "mediator-rules", Key: "kind/name", Doc: "One row of the mediator's rules and its last direct changes; what a proposal changed is in the proposal's row and in /v1/versions.", Classes: topology.NoClasses, KeyClass: tables.ClassPublic},
}
