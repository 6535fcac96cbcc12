package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/tables"
)

const (
	claimsByMember   = "claims-by-member.v1-claims-consumer"
	claimsByProvider = "claims-by-provider.v1-claims-consumer"
)

// ClaimsByMember lists the claims of a member, newest date of service first.
var ClaimsByMember = topology.Index[tables.ClaimByMember]{
	Name: claimsByMember, Doc: "the claims of a member", Partitions: highVolume,
	Entries: codecs.NewAvro[tables.ClaimByMember](topology.EntriesTopic(claimsByMember), mebibyte),
	Rows:    codecs.NewAvro[tables.ClaimByMember](claimsByMember+"-table", rowBytes),
	View: topology.View{Name: "claims-by-member", Key: "memberId", Doc: "Claims of one member, newest date of service first.",
		Classes: []string{tables.ClassPHI}},
}

// ClaimsByProvider lists the claims of a provider, newest date of service first.
var ClaimsByProvider = topology.Index[tables.ClaimByProvider]{
	Name: claimsByProvider, Doc: "the claims of a provider", Partitions: highVolume,
	Entries: codecs.NewAvro[tables.ClaimByProvider](topology.EntriesTopic(claimsByProvider), mebibyte),
	Rows:    codecs.NewAvro[tables.ClaimByProvider](claimsByProvider+"-table", rowBytes),
	View: topology.View{Name: "claims-by-provider", Key: "providerId", Doc: "Claims of one provider, newest date of service first.",
		Classes: []string{tables.ClassPHI}},
}
