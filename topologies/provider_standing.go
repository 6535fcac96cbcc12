package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const providerStanding = "provider-standing.v1-provider-consumer"

// standingTold is what provider-standing tells those who hang on a provider.
var standingTold = told[tables.ToldStanding](providerStanding)

// ProviderStanding folds a provider's credentialing and networks into one row
// by providerId.
var ProviderStanding = topology.Group[tables.ProviderStanding]{
	Name: providerStanding,
	Doc:  "when a provider is credentialed, and in which networks",
	Rows: codecs.NewAvro[tables.ProviderStanding](providerStanding+"-table", rowBytes),
	Inputs: topology.Inputs[tables.ProviderStanding]{
		topology.Fold(CredentialingChanged, processors.FoldCredentialingChanged),
		topology.Fold(NetworkUpdated, processors.FoldNetworkUpdated),
	},
	Follows: []topology.Follow[tables.ProviderStanding]{topology.Follows(standingTold, processors.TellStanding)},
	View: topology.View{Name: "provider-standing", Key: "providerId", Doc: "Credentialing and networks of one provider, by day.",
		Classes: topology.NoClasses},
}
