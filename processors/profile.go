// This file answers: who is a provider, and who is a patient, by their own
// account?

package processors

import (
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// FoldProviderProfile keeps the newest profile, whole.
func FoldProviderProfile(row tables.ProviderProfile, rec topology.Record[events.ProviderProfile]) (tables.ProviderProfile, []topology.Output) {
	e := rec.Body
	facts, newest := tables.ProfileFacts(row.Facts).With(tables.ProfileFact{ID: rec.ID(), At: events.InstantOf(rec.At)})
	if row.Facts = facts; newest {
		row = tables.ProviderProfile{ProviderID: e.ProviderID, ProviderName: e.ProviderName, Specialty: e.Specialty, Place: e.Place, TimeZone: e.TimeZone,
			UpdatedAt: e.UpdatedAt, NPI: e.NPI, Phone: e.Phone, Email: e.Email, Facts: facts}
	}
	return row, nil
}

// FoldPatientProfile keeps the newest profile, whole.
func FoldPatientProfile(row tables.PatientProfile, rec topology.Record[events.PatientProfile]) (tables.PatientProfile, []topology.Output) {
	e := rec.Body
	facts, newest := tables.ProfileFacts(row.Facts).With(tables.ProfileFact{ID: rec.ID(), At: events.InstantOf(rec.At)})
	if row.Facts = facts; newest {
		row = tables.PatientProfile{MemberID: e.MemberID, GivenName: e.GivenName, FamilyName: e.FamilyName, TimeZone: e.TimeZone, UpdatedAt: e.UpdatedAt,
			BirthDate: e.BirthDate, PlanID: e.PlanID, Phone: e.Phone, Email: e.Email, Facts: facts}
	}
	return row, nil
}
