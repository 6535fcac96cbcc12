// This file answers: on which days is a provider credentialed, and in which
// networks, after one fact more.

package processors

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// standingDays is what facts have said so far, told in the order of event time.
// The newest word counts, from its first day on.
type standingDays struct {
	credentialing []tables.CredentialSpan
	networks      []tables.NetworkStanding
	marks         []string
}

func (s *standingDays) tell(f tables.StandingFact) {
	if status := credentialStatus(f.Type); status != "" {
		s.credentialing = slices.DeleteFunc(s.credentialing, func(c tables.CredentialSpan) bool { return c.From >= f.From })
		s.credentialing = append(s.credentialing, tables.CredentialSpan{From: f.From, Status: status, By: f.ID})
	}
	days := tables.DaySpan{From: f.From, To: f.To}
	if tables.LastDay(f.To) < f.From {
		s.marks = append(s.marks, MarkEndsBeforeStart)
	}
	var network events.ID
	if f.NetworkID != nil {
		network = *f.NetworkID
	}
	say := denyDays
	if f.NetworkStatus == events.InNetwork {
		say = tellDays
	}
	for _, at := range s.about(network, f.PlanID) {
		s.networks[at].In = say(s.networks[at].In, days)
	}
}

// about are the places of the standings that a fact is about: one plan's in a
// network, which begins as what is known of all plans; or, without a plan, all
// standings in it.
func (s *standingDays) about(network events.ID, plan *events.ID) (places []int) {
	if s.place(network, nil); plan != nil {
		return []int{s.place(network, plan)}
	}
	for i, n := range s.networks {
		if n.NetworkID == network {
			places = append(places, i)
		}
	}
	return places
}

// place finds a standing, or makes it.
func (s *standingDays) place(network events.ID, plan *events.ID) int {
	want := tables.NetworkStanding{NetworkID: network, PlanID: plan}
	at, found := slices.BinarySearchFunc(s.networks, want, compareStandings)
	if !found {
		want.In = []tables.DaySpan{}
		if plan != nil { // all plans' stands already, and before it
			want.In = slices.Clone(s.networks[s.place(network, nil)].In)
		}
		s.networks = slices.Insert(s.networks, at, want)
	}
	return at
}

func compareStandings(a, b tables.NetworkStanding) int {
	text := func(id *events.ID) events.ID {
		if id == nil {
			return ""
		}
		return *id
	}
	return cmp.Or(cmp.Compare(a.NetworkID, b.NetworkID), cmp.Compare(text(a.PlanID), text(b.PlanID)))
}

func credentialStatus(t events.Type) string {
	switch t {
	case events.TypeCredentialingApproved:
		return tables.CredentialsApproved
	case events.TypeCredentialingDenied:
		return tables.CredentialsDenied
	case events.TypeCredentialingExpired:
		return tables.CredentialsExpired
	case events.TypeCredentialingSuspended:
		return tables.CredentialsSuspended
	}
	return ""
}

// standingRank orders facts of one instant: what gives comes before what takes.
func standingRank(f tables.StandingFact) int {
	rank := 2 * slices.Index([]events.Type{events.TypeNetworkUpdated, events.TypeCredentialingApproved, events.TypeCredentialingExpired,
		events.TypeCredentialingSuspended, events.TypeCredentialingDenied}, f.Type)
	if f.NetworkStatus != events.InNetwork {
		rank++
	}
	return rank
}

func compareStandingFacts(a, b tables.StandingFact) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(standingRank(a), standingRank(b)), cmp.Compare(a.ID, b.ID))
}
