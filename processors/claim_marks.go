// This file answers: do the facts of one claim contradict each other.

package processors

import (
	"payerflow/events"
	"payerflow/tables"
)

func markClaim(row *tables.ClaimStatus, f claimFacts) {
	mark := func(when bool, m string) {
		if when {
			row.Marks = append(row.Marks, m)
		}
	}
	for _, h := range row.History {
		mark(h.MemberID != "" && h.MemberID != row.MemberID, MarkMemberDiffers)
		mark(h.ProviderID != "" && h.ProviderID != row.ProviderID, MarkProviderDiffers)
	}
	mark(len(f.submitted) > 1, MarkSubmittedTwice)
	mark(len(f.submitted) == 0 && len(f.received) < len(row.History), MarkNoSubmission)
	for _, a := range f.appeals {
		mark(!before(f.denied, a.At+1), MarkAppealWithoutDenial)
	}
	markAppeals(mark, f)
	markPriorAuth(mark, row)
	markRemittances(mark, f)
	mark(row.Grace != nil && *row.Grace == tables.ClaimsExpired && (row.Status == tables.ClaimApproved || row.Status == tables.ClaimPaid), MarkApprovedAfterGrace)
	markOrder(mark, f)
	markAmounts(mark, row, f)
}

func markOrder(mark func(bool, string), f claimFacts) {
	if len(f.submitted) > 0 {
		at := f.submitted[0].At
		mark(before(f.approved, at) || before(f.denied, at), MarkDecidedBeforeSubmit)
		mark(before(f.paid, at), MarkPaidBeforeSubmit)
	}
	if len(f.paid) == 0 {
		return
	}
	entitled := f.approved
	for _, a := range f.appeals {
		if *a.Outcome != events.OutcomeUpheld {
			entitled = append(entitled[:len(entitled):len(entitled)], a)
		}
	}
	mark(len(entitled) == 0, MarkPaidWithoutApproval)
	mark(len(entitled) > 0 && !before(entitled, f.paid[0].At+1), MarkPaidBeforeApproval)
}

// before says whether any fact lies before an instant.
func before(facts []tables.ClaimFact, at events.Instant) bool {
	for _, f := range facts {
		if f.At < at {
			return true
		}
	}
	return false
}

func markAmounts(mark func(bool, string), row *tables.ClaimStatus, f claimFacts) {
	for _, d := range append(append([]tables.ClaimFact(nil), f.approved...), f.appeals...) {
		if d.Allowed == nil {
			continue
		}
		sum := total(orZero(d.Paid), orZero(d.MemberResponsibility))
		mark(sum == nil || *sum != *d.Allowed, MarkAmountsDoNotAddUp)
		mark(d.CostShare != nil && d.MemberResponsibility != nil && *d.CostShare != *d.MemberResponsibility, MarkCostShareDoesNotAddUp)
		mark(row.Billed != nil && *d.Allowed > *row.Billed, MarkAllowedExceedsBilled)
		mark(d.Billed != nil && row.Billed != nil && *d.Billed != *row.Billed, MarkBilledDiffers)
	}
	mark(row.Paid != nil && row.Payable != nil && *row.Paid > *row.Payable, MarkPaidExceedsPayable)
}
