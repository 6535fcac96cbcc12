package processors_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/verify"
	"payerflow/processors"
	"payerflow/tables"
)

// someStanding draws what is said of provider p.
func someStanding(t *rapid.T) (row tables.ProviderStanding) {
	today := dayOf(0)
	for n := range rapid.IntRange(1, 12).Draw(t, "facts") {
		at, id := hour(6*rapid.IntRange(0, 20).Draw(t, "at")), fmt.Sprintf("s%02d", n)
		first, last := events.Date(today+rapid.IntRange(-2, 8).Draw(t, "first")), events.Date(today+rapid.IntRange(-3, 9).Draw(t, "last"))
		in := rapid.SampledFrom([]string{events.InNetwork, "OUT_OF_NETWORK"}).Draw(t, "in")
		if rapid.Bool().Draw(t, "credentials") {
			e := events.CredentialingChanged{ProviderID: "p", NetworkStatus: in, EffectiveDate: first}
			switch e.Type = rapid.SampledFrom([]events.Type{events.TypeCredentialingApproved, events.TypeCredentialingDenied, events.TypeCredentialingExpired, events.TypeCredentialingSuspended}).Draw(t, "type"); e.Type {
			case events.TypeCredentialingApproved:
				e.ApprovedAt = &at
			case events.TypeCredentialingDenied:
				e.DeniedAt = &at
			case events.TypeCredentialingExpired:
				e.ExpiredAt = &at
			default:
				e.SuspendedAt = &at
			}
			row, _ = processors.FoldCredentialingChanged(row, record(id, e))
			continue
		}
		e := events.NetworkUpdated{Type: events.TypeNetworkUpdated, ProviderID: "p", NetworkID: events.ID(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "network")),
			NetworkStatus: in, EffectiveDate: first, UpdatedAt: at, PlanID: rapid.SampledFrom([]*events.ID{nil, some(events.ID("a")), some(events.ID("b"))}).Draw(t, "plan")}
		if rapid.Bool().Draw(t, "ends") {
			e.TerminationDate = &last
		}
		row, _ = processors.FoldNetworkUpdated(row, record(id, e))
	}
	return row
}

func TestTheAuditorAgreesOnStanding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := someStanding(t)
		want, made := verify.StandingRow("p", rapid.Permutation(slices.Clone(row.Facts)).Draw(t, "order"))
		if fields := verify.Differ(want, row); !made || len(fields) > 0 {
			t.Fatalf("they differ in %v\nfold  %s\nmodel %s", fields, asJSON(row), asJSON(want))
		}
	})
}
