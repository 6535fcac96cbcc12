package topologies

import (
	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const claimItems = "claim-edi.v1-claims-consumer"

// ClaimItems carries X12 items at the claims that they are about.
var ClaimItems = own[events.ClaimEDI](claimItems, topology.Topic{Name: "by-claim", Partitions: highVolume, Retention: ediArchive, KeyField: "claimId",
	Consumers: []string{claimsGroup}, Doc: "X12 items, by the claim that they are about"})

// ClaimEDI passes X12 items, which are keyed by themselves, on to their claims.
// It keeps nothing: an item is one fact, whose identity the claim's row knows.
var ClaimEDI = topology.Group[tables.EDIPassed]{
	Name: claimItems,
	Doc:  "which X12 items are about a claim",
	Rows: codecs.NewAvro[tables.EDIPassed](claimItems+"-table", rowBytes),
	Inputs: topology.Inputs[tables.EDIPassed]{
		topology.Fold(EDIInbound, processors.PassEDIInbound),
		topology.Fold(EDIOutbound, processors.PassEDIOutbound),
	},
	Outputs: []topology.StreamRef{ClaimItems.Ref()},
}
