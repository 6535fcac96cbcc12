package verify

import (
	"cmp"
	"context"
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// profiled are the profiles of one key that were told.
type profiled[E any] struct{ told []toldProfile[E] }

type toldProfile[E any] struct {
	tables.ProfileFact
	body E
}

// profileFacts bounds which profiles a row remembers to have been told.
const profileFacts = 20

// latest is the newest profile, by event time and then by id, and what was told.
func (p *profiled[E]) latest() (body E, facts []tables.ProfileFact, some bool) {
	kept, _ := newest(p.told, profileFacts, func(a, b toldProfile[E]) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID))
	})
	for _, t := range kept {
		body, facts, some = t.body, append(facts, t.ProfileFact), true
	}
	return body, facts, some
}

func profilesOf[E interface {
	event
	OccurredAt() time.Time
}](l *Log, f Follower) func(taking[profiled[E]]) ([]source, error) {
	return func(to taking[profiled[E]]) ([]source, error) {
		s, err := factsOf(l, f, eventBytes, to, func(p *profiled[E], id string, e E) {
			p.told = append(p.told, toldProfile[E]{tables.ProfileFact{ID: id, At: events.InstantOf(e.OccurredAt())}, e})
		})
		return []source{s}, err
	}
}

// ProviderProfiles checks provider-profiles.
func (l *Log) ProviderProfiles(ctx context.Context, v View, f Follower, http *Answers, wait time.Duration) (*Check, error) {
	return rowsOf(ctx, l, v, http, wait, profilesOf[events.ProviderProfile](l, f), func(_ string, p *profiled[events.ProviderProfile]) (tables.ProviderProfile, bool) {
		e, facts, some := p.latest()
		return tables.ProviderProfile{ProviderID: e.ProviderID, ProviderName: e.ProviderName, Specialty: e.Specialty, Place: e.Place, TimeZone: e.TimeZone,
			UpdatedAt: e.UpdatedAt, NPI: e.NPI, Phone: e.Phone, Email: e.Email, Facts: facts}, some
	})
}

// PatientProfiles checks patient-profiles.
func (l *Log) PatientProfiles(ctx context.Context, v View, f Follower, http *Answers, wait time.Duration) (*Check, error) {
	return rowsOf(ctx, l, v, http, wait, profilesOf[events.PatientProfile](l, f), func(_ string, p *profiled[events.PatientProfile]) (tables.PatientProfile, bool) {
		e, facts, some := p.latest()
		return tables.PatientProfile{MemberID: e.MemberID, GivenName: e.GivenName, FamilyName: e.FamilyName, TimeZone: e.TimeZone, UpdatedAt: e.UpdatedAt,
			BirthDate: e.BirthDate, PlanID: e.PlanID, Phone: e.Phone, Email: e.Email, Facts: facts}, some
	})
}
