package topologies

import (
	"payerflow/internal/topology"
	"payerflow/tables"
)

// ClaimsByMember lists the claims of a member, newest date of service first.
var ClaimsByMember = listed[tables.ClaimByMember]("claims-by-member.v1-claims-consumer", "the claims of a member", highVolume,
	topology.View{Key: "memberId", Doc: "Claims of one member, newest date of service first.", Classes: []string{tables.ClassPHI}})

// ClaimsByProvider lists the claims of a provider, newest date of service first.
var ClaimsByProvider = listed[tables.ClaimByProvider]("claims-by-provider.v1-claims-consumer", "the claims of a provider", highVolume,
	topology.View{Key: "providerId", Doc: "Claims of one provider, newest date of service first.", Classes: []string{tables.ClassPHI}})
