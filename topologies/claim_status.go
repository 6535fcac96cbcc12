package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// ClaimStatus folds everything that happens to a claim into one row by claimId.
var ClaimStatus = topology.Group[tables.ClaimStatus]{
	Name: "claim-status.v1-claims-consumer",
	Doc:  "where a claim or appeal stands, and what made it so",
	Rows: codecs.NewAvro[tables.ClaimStatus]("claim-status.v1-claims-consumer-table", rowBytes),
	Inputs: topology.Inputs[tables.ClaimStatus]{
		topology.Fold(ClaimSubmitted, processors.FoldClaimSubmitted),
		topology.Fold(ClaimAdjudicated, processors.FoldClaimAdjudicated),
		topology.Fold(ClaimPaid, processors.FoldClaimPaid),
		topology.Fold(AppealResolved, processors.FoldAppealResolved),
		topology.Fold(AppealUpdated, processors.FoldAppealUpdated),
	},
	View: topology.View{Name: "claim-status", Key: "claimId", Doc: "Status, amounts, denial and history of one claim.",
		Classes: []string{tables.ClassPHI, tables.ClassPII, tables.ClassBank}},
}
