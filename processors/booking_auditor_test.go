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

func TestTheAuditorAgreesOnBookings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var row tables.BookingCoverage
		coverage, standings := map[string]*tables.ToldCoverage{}, map[string]*tables.ToldStanding{}
		for n := range rapid.IntRange(1, 4).Draw(t, "events") {
			e := booked(6 * rapid.IntRange(0, 20).Draw(t, "at"))
			e.ServiceDate += events.Date(rapid.IntRange(-3, 3).Draw(t, "day"))
			e.ServiceCode = rapid.SampledFrom([]string{"99213", "99213", "D0120", "s0620", "V2999", "V3000"}).Draw(t, "service")
			e.PlanID = rapid.SampledFrom([]*events.ID{nil, nil, some(events.ID("a")), some(events.ID("c"))}).Draw(t, "plan")
			e.MemberID = events.ID(rapid.SampledFrom([]string{"m", "m", "m", "m2"}).Draw(t, "member"))
			e.ProviderID = events.ID(rapid.SampledFrom([]string{"p", "p", "p", "p2"}).Draw(t, "provider"))
			if rapid.IntRange(0, 5).Draw(t, "cancelled") == 0 {
				e.Type, e.ReasonCode = events.TypeBookingCancelled, some("CANCELLED_BY_MEMBER")
			}
			row, _ = processors.FoldBooking(row, record(fmt.Sprintf("b%02d", n), e))
		}
		if rapid.Bool().Draw(t, "member known") {
			member := someCoverage(t)
			member.MemberID = row.MemberID
			told := processors.TellCoverage(string(row.MemberID), member)[0]
			coverage[string(row.MemberID)] = &told
			row, _ = processors.FoldCoverageAnswer(row, answer(string(row.MemberID), &told))
		}
		if rapid.Bool().Draw(t, "provider known") {
			provider := someStanding(t)
			provider.ProviderID = row.ProviderID
			told := processors.TellStanding(string(row.ProviderID), provider)[0]
			standings[string(row.ProviderID)] = &told
			row, _ = processors.FoldStandingAnswer(row, answer(string(row.ProviderID), &told))
		}
		want, made := verify.BookingRow("b", rapid.Permutation(slices.Clone(row.Bookings)).Draw(t, "order"), coverage, standings)
		if fields := verify.Differ(want, row); !made || len(fields) > 0 {
			t.Fatalf("they differ in %v\nfold  %s\nmodel %s", fields, asJSON(row), asJSON(want))
		}
	})
}
