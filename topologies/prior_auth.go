package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const priorAuths = "prior-auths.v1-claims-consumer"

// PriorAuthValues carries what was decided, for the claims that name it.
var PriorAuthValues = own[tables.PriorAuth](priorAuths, topology.Topic{Name: "values", Partitions: normal, KeyField: "priorAuthId",
	Consumers: []string{claimPriorAuth}, Doc: "what was decided about prior authorizations, as rows"})

// PriorAuths folds decisions on prior authorizations into one row by
// priorAuthId.
var PriorAuths = topology.Group[tables.PriorAuth]{
	Name:   priorAuths,
	Doc:    "what the plan decided about a prior authorization",
	Rows:   codecs.NewAvro[tables.PriorAuth](priorAuths+"-table", rowBytes),
	Inputs: topology.Inputs[tables.PriorAuth]{topology.Fold(PriorAuthDecided, processors.FoldPriorAuthDecided)},
	Follows: []topology.Follow[tables.PriorAuth]{
		topology.Follows(PriorAuthValues, func(_ string, row tables.PriorAuth) []tables.PriorAuth { return []tables.PriorAuth{row} }),
	},
	View: topology.View{Name: "prior-auths", Key: "priorAuthId", Doc: "Decisions on one prior authorization.",
		Classes: []string{tables.ClassPHI}},
}

const claimPriorAuth = "claim-prior-auth.v1-claims-consumer"

// ClaimPriorAuth joins claims with the prior authorization that they name,
// whichever comes first.
var ClaimPriorAuth = joined(claimPriorAuth, "claims with the prior authorization that they name", PriorAuthValues, highVolume)
