// This file answers: when is this provider credentialed, and in which networks.

package processors

import (
	"slices"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// FoldCredentialingChanged records a new status of a provider's credentials,
// with what it says of networks.
func FoldCredentialingChanged(row tables.ProviderStanding, rec topology.Record[events.CredentialingChanged]) (tables.ProviderStanding, []topology.Output) {
	e := rec.Body
	return addStandingFact(row, rec.Key, tables.StandingFact{ID: rec.ID(), Type: e.Type, At: events.InstantOf(rec.At),
		NetworkStatus: e.NetworkStatus, From: e.EffectiveDate}), nil
}

// FoldNetworkUpdated records that a provider joins or leaves a network.
func FoldNetworkUpdated(row tables.ProviderStanding, rec topology.Record[events.NetworkUpdated]) (tables.ProviderStanding, []topology.Output) {
	e := rec.Body
	return addStandingFact(row, rec.Key, tables.StandingFact{ID: rec.ID(), Type: e.Type, At: events.InstantOf(rec.At),
		NetworkStatus: e.NetworkStatus, NetworkID: &e.NetworkID, PlanID: e.PlanID, From: e.EffectiveDate, To: e.TerminationDate}), nil
}

// addStandingFact puts a fact in its place and lets everything follow anew. Of
// too many the newest are kept: a suspension is never refused.
func addStandingFact(row tables.ProviderStanding, key string, f tables.StandingFact) tables.ProviderStanding {
	facts, leftOut := addNewest(row.Facts, f, tables.MaxCoverageFacts, compareStandingFacts,
		func(a, b tables.StandingFact) bool { return a.ID == b.ID && a.Type == b.Type })
	return settleStanding(key, facts, leftOut || slices.Contains(row.Marks, MarkOlderFactsLeftOut))
}

func settleStanding(key string, facts []tables.StandingFact, leftOut bool) tables.ProviderStanding {
	days := standingDays{credentialing: []tables.CredentialSpan{}, networks: []tables.NetworkStanding{}}
	for _, f := range facts {
		days.tell(f)
	}
	return tables.ProviderStanding{ProviderID: events.ID(key), Credentialing: days.credentialing, Networks: days.networks,
		Facts: facts, Marks: marked(days.marks, leftOut)}
}

// TellStanding is what those who hang on a provider's standing are told of it.
func TellStanding(key string, row tables.ProviderStanding) []tables.ToldStanding {
	return []tables.ToldStanding{{ProviderID: events.ID(key), Facts: row.Facts}}
}
