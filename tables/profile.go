package tables

import (
	"cmp"
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// ProviderProfile is the newest profile of a provider, by providerId. Facts in
// any order give the same row.
type ProviderProfile struct {
	ProviderID   events.ID      `avro:"providerId" json:"providerId" class:"PUBLIC"`
	ProviderName events.Text    `avro:"providerName" json:"providerName" class:"PII"`
	Specialty    string         `avro:"specialty" json:"specialty" class:"PUBLIC"`
	Place        string         `avro:"place" json:"place" class:"PUBLIC"`
	TimeZone     string         `avro:"timeZone" json:"timeZone" class:"PUBLIC"`
	UpdatedAt    events.Instant `avro:"updatedAt" json:"updatedAt" class:"PUBLIC"`
	NPI          *string        `avro:"npi" json:"npi,omitempty" class:"PUBLIC"`
	Phone        *events.Text   `avro:"phone" json:"phone,omitempty" class:"PII"`
	Email        *events.Text   `avro:"email" json:"email,omitempty" class:"PII"`
	Facts        []ProfileFact  `avro:"facts" json:"facts"`
}

// PatientProfile is the newest profile of a patient, by memberId. Facts in any
// order give the same row.
type PatientProfile struct {
	MemberID   events.ID      `avro:"memberId" json:"memberId" class:"PHI"`
	GivenName  events.Text    `avro:"givenName" json:"givenName" class:"PHI"`
	FamilyName events.Text    `avro:"familyName" json:"familyName" class:"PHI"`
	TimeZone   string         `avro:"timeZone" json:"timeZone" class:"PHI"`
	UpdatedAt  events.Instant `avro:"updatedAt" json:"updatedAt" class:"PUBLIC"`
	BirthDate  *events.Date   `avro:"birthDate" json:"birthDate,omitempty" class:"PHI"`
	PlanID     *events.ID     `avro:"planId" json:"planId,omitempty" class:"PUBLIC"`
	Phone      *events.Text   `avro:"phone" json:"phone,omitempty" class:"PHI"`
	Email      *events.Text   `avro:"email" json:"email,omitempty" class:"PHI"`
	Facts      []ProfileFact  `avro:"facts" json:"facts"`
}

// ProfileFact is one profile that was told.
type ProfileFact struct {
	ID string         `avro:"id" json:"id" class:"PUBLIC"`
	At events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"updatedAt"`
}

// ProfileFacts are the newest 20 profiles that were told, oldest first.
type ProfileFacts []ProfileFact

const maxProfileFacts = 20

// With puts a fact in its place, unless it is there, and says whether it is
// the newest: by event time, then by id.
func (fs ProfileFacts) With(f ProfileFact) (_ ProfileFacts, newest bool) {
	at, there := slices.BinarySearchFunc(fs, f, func(a, b ProfileFact) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	if there {
		return fs, false
	}
	out := slices.Insert(slices.Clone(fs), at, f)
	return out[max(0, len(out)-maxProfileFacts):], at == len(fs)
}

func (fs ProfileFacts) because() topology.Because {
	ids := make([]string, len(fs))
	for i, f := range fs {
		ids[i] = f.ID
	}
	return topology.BecauseOf(ids, maxProfileFacts)
}

// Because names the profiles that were told, the newest 20.
func (p ProviderProfile) Because() topology.Because { return ProfileFacts(p.Facts).because() }

// LatestEventAt is when the profile became so.
func (p ProviderProfile) LatestEventAt() time.Time { return p.UpdatedAt.Time() }

// Because names the profiles that were told, the newest 20.
func (p PatientProfile) Because() topology.Because { return ProfileFacts(p.Facts).because() }

// LatestEventAt is when the profile became so.
func (p PatientProfile) LatestEventAt() time.Time { return p.UpdatedAt.Time() }
