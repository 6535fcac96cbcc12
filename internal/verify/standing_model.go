package verify

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// StandingTopics names what says how a provider stands, and who folds it.
type StandingTopics struct{ Credentialing, Network Follower }

// standing is what the log says of one provider.
type standing struct{ facts []tables.StandingFact }

// ProviderStanding checks provider-standing.
func (l *Log) ProviderStanding(ctx context.Context, v View, t StandingTopics, http *Answers, wait time.Duration) (*Check, error) {
	return rowsOf(ctx, l, v, http, wait, l.standingSources(t), func(key string, s *standing) (tables.ProviderStanding, bool) { return StandingRow(key, s.facts) })
}

func (l *Log) standingSources(t StandingTopics) func(taking[standing]) ([]source, error) {
	return func(to taking[standing]) ([]source, error) {
		var all gathered
		all.add(factsOf(l, t.Credentialing, eventBytes, to, func(s *standing, id string, e events.CredentialingChanged) {
			s.facts = append(s.facts, tables.StandingFact{ID: id, Type: e.Type, At: events.InstantOf(e.OccurredAt()), NetworkStatus: e.NetworkStatus, From: e.EffectiveDate})
		}))
		all.add(factsOf(l, t.Network, eventBytes, to, func(s *standing, id string, e events.NetworkUpdated) {
			s.facts = append(s.facts, tables.StandingFact{ID: id, Type: e.Type, At: e.UpdatedAt, NetworkStatus: e.NetworkStatus, NetworkID: &e.NetworkID, PlanID: e.PlanID,
				From: e.EffectiveDate, To: e.TerminationDate})
		}))
		return all.sources, all.err
	}
}

// credentials are the statuses that event types stand for, what gives before
// what takes.
var credentials = []struct {
	by     events.Type
	status string
}{
	{events.TypeNetworkUpdated, ""},
	{events.TypeCredentialingApproved, tables.CredentialsApproved},
	{events.TypeCredentialingExpired, tables.CredentialsExpired},
	{events.TypeCredentialingSuspended, tables.CredentialsSuspended},
	{events.TypeCredentialingDenied, tables.CredentialsDenied},
}

func statusBy(t events.Type) (status string, place int) {
	for i, c := range credentials {
		if c.by == t {
			return c.status, i
		}
	}
	return "", -1
}

func standingInOrder(facts []tables.StandingFact) ([]tables.StandingFact, bool) {
	return newest(facts, tables.MaxCoverageFacts, func(a, b tables.StandingFact) int {
		_, i := statusBy(a.Type)
		_, j := statusBy(b.Type)
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(i, j), cmp.Compare(out(a), out(b)), cmp.Compare(a.ID, b.ID))
	})
}

// out is 1 of a fact that says out of network.
func out(f tables.StandingFact) int {
	if f.NetworkStatus == events.InNetwork {
		return 0
	}
	return 1
}

// StandingRow is what must be known of a provider of whom these are the facts,
// in any order; false where there are none.
func StandingRow(provider string, facts []tables.StandingFact) (tables.ProviderStanding, bool) {
	kept, more := standingInOrder(facts)
	if len(kept) == 0 {
		return tables.ProviderStanding{}, false
	}
	marks := map[string]bool{}
	for _, f := range kept {
		if f.Type == events.TypeNetworkUpdated && tables.LastDay(f.To) < f.From {
			marks[endsBeforeStart] = true
		}
	}
	if more {
		marks[olderLeftOut] = true
	}
	return tables.ProviderStanding{ProviderID: events.ID(provider), Credentialing: credentialing(kept), Networks: networks(kept), Marks: sortedKeys(marks), Facts: kept}, true
}

// credentialing has each word from its day on, unless a newer one counts from
// that day or an earlier one.
func credentialing(facts []tables.StandingFact) []tables.CredentialSpan {
	spans := []tables.CredentialSpan{}
	for i, f := range facts {
		status, _ := statusBy(f.Type)
		if status == "" || slices.ContainsFunc(facts[i+1:], func(g tables.StandingFact) bool { return g.Type != events.TypeNetworkUpdated && g.From <= f.From }) {
			continue
		}
		spans = append(spans, tables.CredentialSpan{From: f.From, Status: status, By: f.ID})
	}
	slices.SortFunc(spans, func(a, b tables.CredentialSpan) int { return cmp.Compare(a.From, b.From) })
	return spans
}

// networks asks each network, for each plan that was told of apart and for all
// others, who spoke last of each day.
func networks(facts []tables.StandingFact) []tables.NetworkStanding {
	all := []tables.NetworkStanding{}
	add := func(n tables.NetworkStanding) {
		if !slices.ContainsFunc(all, func(o tables.NetworkStanding) bool { return o.NetworkID == n.NetworkID && samePlan(o.PlanID, n.PlanID) }) {
			n.In = inNetwork(facts, n)
			all = append(all, n)
		}
	}
	for _, f := range facts {
		add(tables.NetworkStanding{NetworkID: text(f.NetworkID)}) // all other plans, also where nothing was said of them
		add(tables.NetworkStanding{NetworkID: text(f.NetworkID), PlanID: f.PlanID})
	}
	slices.SortFunc(all, func(a, b tables.NetworkStanding) int {
		return cmp.Or(cmp.Compare(a.NetworkID, b.NetworkID), cmp.Compare(text(a.PlanID), text(b.PlanID)))
	})
	return all
}

func samePlan(a, b *events.ID) bool { return (a == nil) == (b == nil) && text(a) == text(b) }

// inNetwork are the days of which the last word is that the provider is in.
func inNetwork(facts []tables.StandingFact, n tables.NetworkStanding) []tables.DaySpan {
	var words []tables.StandingFact
	cuts := map[events.Date]bool{}
	for _, f := range facts {
		if text(f.NetworkID) != n.NetworkID || f.PlanID != nil && !samePlan(f.PlanID, n.PlanID) {
			continue
		}
		words, cuts[f.From] = append(words, f), true
		if f.To != nil {
			cuts[*f.To+1] = true
		}
	}
	d := days{cuts: slices.Sorted(maps.Keys(cuts)), owned: make([]*owner, len(cuts))}
	for _, w := range words {
		if out(w) == 0 {
			d.begin(w.From, tables.LastDay(w.To), &owner{from: w.From})
		} else {
			d.without(w.From, tables.LastDay(w.To))
		}
	}
	spans := []tables.DaySpan{}
	d.runs(func(s tables.DaySpan, _ *owner) { spans = append(spans, s) })
	return spans
}
