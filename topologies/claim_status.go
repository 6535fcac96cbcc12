package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const claimsGroup = "claim-status.v1-claims-consumer"

// ClaimStatus folds everything that happens to a claim into one row by claimId.
var ClaimStatus = topology.Group[tables.ClaimStatus]{
	Name: claimsGroup,
	Doc:  "where a claim or appeal stands, and what made it so",
	Rows: codecs.NewAvro[tables.ClaimStatus](claimsGroup+"-table", rowBytes),
	Inputs: topology.Inputs[tables.ClaimStatus]{
		topology.Fold(ClaimSubmitted, processors.FoldClaimSubmitted),
		topology.Fold(ClaimAdjudicated, processors.FoldClaimAdjudicated),
		topology.Fold(ClaimPaid, processors.FoldClaimPaid),
		topology.Fold(AppealResolved, processors.FoldAppealResolved),
		topology.Fold(AppealUpdated, processors.FoldAppealUpdated),
		topology.Fold(ClaimItems, processors.FoldClaimEDI),
		topology.Fold(ClaimPriorAuth.Answers(), processors.FoldPriorAuth),
		topology.Fold(ClaimGrace.Answers(), processors.FoldMemberGrace),
	},
	Follows: []topology.Follow[tables.ClaimStatus]{
		topology.Follows(ClaimPriorAuth.Links(), func(claim string, row tables.ClaimStatus) []topology.Link { return row.PriorAuthLinks(claim) }),
		topology.Follows(ClaimGrace.Links(), func(claim string, row tables.ClaimStatus) []topology.Link {
			return []topology.Link{{Key: string(row.MemberID), Left: claim}}
		}),
		topology.Follows(ClaimsByMember.Stream(), func(_ string, row tables.ClaimStatus) []tables.ClaimByMember {
			return []tables.ClaimByMember{{ClaimEntry: row.Entry()}}
		}),
		topology.Follows(ClaimsByProvider.Stream(), func(_ string, row tables.ClaimStatus) []tables.ClaimByProvider {
			return []tables.ClaimByProvider{{ClaimEntry: row.Entry()}}
		}),
	},
	View: topology.View{Name: "claim-status", Key: "claimId", Doc: "Status, amounts, denial and history of one claim.",
		Classes: []string{tables.ClassPHI, tables.ClassPII, tables.ClassBank}},
}
