package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// ProviderProfiles keeps the newest profile of each provider.
var ProviderProfiles = topology.Group[tables.ProviderProfile]{
	Name:   "provider-profiles.v1-careplan-consumer",
	Doc:    "who and where a provider is, by its own account",
	Rows:   codecs.NewAvro[tables.ProviderProfile]("provider-profiles.v1-careplan-consumer-table", rowBytes),
	Inputs: topology.Inputs[tables.ProviderProfile]{topology.Fold(ProviderProfile, processors.FoldProviderProfile)},
	View: topology.View{Name: "provider-profiles", Key: "providerId", Doc: "Name, specialty, place and contacts of one provider.",
		Classes: []string{tables.ClassPII}},
}

// PatientProfiles keeps the newest profile of each patient.
var PatientProfiles = topology.Group[tables.PatientProfile]{
	Name:   "patient-profiles.v1-careplan-consumer",
	Doc:    "who a patient is, by its own account",
	Rows:   codecs.NewAvro[tables.PatientProfile]("patient-profiles.v1-careplan-consumer-table", rowBytes),
	Inputs: topology.Inputs[tables.PatientProfile]{topology.Fold(PatientProfile, processors.FoldPatientProfile)},
	View: topology.View{Name: "patient-profiles", Key: "memberId", Doc: "Name and contacts of one patient.",
		Classes: []string{tables.ClassPHI}},
}
