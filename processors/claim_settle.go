// This file answers: what follows from the facts of one claim, sorted.

package processors

import (
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// Contradictions between the facts of a claim. They are kept and marked, never
// dropped.
const (
	MarkNoSubmission          = "NO_SUBMISSION"            // other events, no submission
	MarkDecidedBeforeSubmit   = "DECIDED_BEFORE_SUBMITTED" // by event time
	MarkPaidBeforeSubmit      = "PAID_BEFORE_SUBMITTED"
	MarkPaidWithoutApproval   = "PAID_WITHOUT_APPROVAL" // no approval or overturned denial at all
	MarkPaidBeforeApproval    = "PAID_BEFORE_APPROVAL"
	MarkAmountsDoNotAddUp     = "AMOUNTS_DO_NOT_ADD_UP" // allowed is not paid + member responsibility
	MarkCostShareDoesNotAddUp = "COST_SHARE_DOES_NOT_ADD_UP"
	MarkAllowedExceedsBilled  = "ALLOWED_EXCEEDS_BILLED"
	MarkBilledDiffers         = "BILLED_DIFFERS" // between submission and adjudication
	MarkPaidExceedsPayable    = "PAID_EXCEEDS_PAYABLE"
	MarkPaymentDisagrees      = "PAYMENT_DISAGREES" // Billing and the mirror name two amounts
	MarkMemberDiffers         = "MEMBER_DIFFERS"
	MarkProviderDiffers       = "PROVIDER_DIFFERS"
	MarkAppealWithoutDenial   = "APPEAL_WITHOUT_DENIAL"
	MarkSubmittedTwice        = "SUBMITTED_TWICE"

	MarkReconsideredUndecided = "RECONSIDERATION_WITHOUT_DECISION" // by event time
	MarkAppealNotReceived     = "APPEAL_NOT_RECEIVED"              // no system says that it came in
	MarkAppealDecidedEarly    = "APPEAL_DECIDED_BEFORE_RECEIVED"
	MarkAppealReopened        = "APPEAL_REOPENED" // a system went on after its own decision
	MarkAppealOutcomeDiffers  = "APPEAL_OUTCOME_DIFFERS"
	MarkAppealLevelDiffers    = "APPEAL_LEVEL_DIFFERS"
)

// claimFacts are the facts of a claim, each kind in event-time order.
type claimFacts struct {
	submitted, approved, denied, paid, appeals []tables.ClaimFact
	decision                                   *tables.ClaimFact // the latest of approved, denied, appeals
	disputes                                   []*appealFacts
}

func settleClaim(key string, history []tables.ClaimFact) tables.ClaimStatus {
	row := tables.ClaimStatus{ClaimID: events.ID(key), History: history, Appeals: []tables.ClaimAppeal{}, Marks: []string{}}
	row.MemberID, row.ProviderID = history[0].MemberID, history[0].ProviderID
	facts := sortFacts(history)
	if len(facts.submitted) > 0 {
		s := facts.submitted[0]
		row.MemberID, row.ProviderID = s.MemberID, s.ProviderID
		row.PlanID, row.ClaimType, row.ServiceDate, row.Billed = s.PlanID, s.ClaimType, s.ServiceDate, s.Billed
	}
	settleDecision(&row, facts)
	settlePayments(&row, facts)
	settleStatus(&row, history)
	settleAppeals(&row, facts)
	markClaim(&row, facts)
	slices.Sort(row.Marks)
	row.Marks = slices.Compact(row.Marks)
	return row
}

func sortFacts(history []tables.ClaimFact) claimFacts {
	f := claimFacts{disputes: appealsOf(history)}
	for i, h := range history {
		switch h.Type {
		case events.TypeClaimSubmitted:
			f.submitted = append(f.submitted, h)
		case events.TypeClaimPaid:
			f.paid = append(f.paid, h)
		case events.TypeClaimApproved:
			f.approved, f.decision = append(f.approved, h), &history[i]
		case events.TypeClaimDenied:
			f.denied, f.decision = append(f.denied, h), &history[i]
		case events.TypeAppealResolved:
			f.appeals, f.decision = append(f.appeals, h), &history[i]
		}
	}
	return f
}

// settleDecision takes amounts and denial from the decision in force. An
// appeal that names no amounts leaves those of the decision before it; a
// denial that is upheld stays in force, its deadline is spent.
func settleDecision(row *tables.ClaimStatus, f claimFacts) {
	for _, d := range f.approved {
		if row.Billed == nil {
			row.Billed = d.Billed
		}
	}
	if f.decision == nil {
		return
	}
	for _, h := range row.History {
		switch {
		case h.Type == events.TypeClaimDenied:
			row.Allowed, row.Payable, row.MemberResponsibility = nil, nil, nil
		case h.Type == events.TypeClaimApproved, h.Type == events.TypeAppealResolved && h.Allowed != nil:
			row.Allowed, row.Payable, row.MemberResponsibility = h.Allowed, h.Paid, h.MemberResponsibility
		}
	}
	denied := f.decision.Type == events.TypeClaimDenied
	upheld := f.decision.Outcome != nil && *f.decision.Outcome == events.OutcomeUpheld
	if n := len(f.denied); n > 0 && (denied || upheld) {
		row.DenialCode, row.DenialText = f.denied[n-1].DenialCode, f.denied[n-1].DenialText
	}
	if denied {
		row.AppealDeadline = f.decision.AppealDeadline
	}
}

// authority orders those who record payments, the one that counts most last.
var authority = []string{events.RecordedByClaims, events.RecordedByUnknown, events.RecordedByBilling}

// settlePayments adds up one amount for each paymentId: Billing's where it
// recorded the payment, else what somebody else recorded, provisionally. Of
// one recorder the latest line counts: it corrects those before it.
func settlePayments(row *tables.ClaimStatus, f claimFacts) {
	type line struct {
		id events.ID
		by string
	}
	said, order, seen := map[line]tables.ClaimFact{}, []events.ID{}, map[events.ID]bool{}
	for _, p := range f.paid {
		by := *p.RecordedBy
		if !slices.Contains(authority, by) {
			by = events.RecordedByUnknown
		}
		said[line{*p.PaymentID, by}] = p
		if !seen[*p.PaymentID] {
			order, seen[*p.PaymentID] = append(order, *p.PaymentID), true
		}
	}
	for _, id := range order {
		var best tables.ClaimFact
		for _, by := range authority {
			p, ok := said[line{id, by}]
			if !ok {
				continue
			}
			if best.Paid != nil && *best.Paid != *p.Paid {
				row.Marks = append(row.Marks, MarkPaymentDisagrees)
			}
			best = p
		}
		if sum := total(best.Paid, orZero(row.Paid)); sum != nil {
			row.Paid = sum
		} else {
			row.Marks = append(row.Marks, MarkAmountsDoNotAddUp)
		}
		row.PaidProvisional = row.PaidProvisional || *best.RecordedBy != events.RecordedByBilling
	}
}

func orZero(m *events.Money) *events.Money {
	if m == nil {
		return new(events.Money)
	}
	return m
}

// settleStatus takes the status from the latest fact by event time. A
// submission gives it only where nothing else is known: it opens the life of a
// claim and cannot undo what came of it. What source systems say about an
// appeal changes nothing until the plan has resolved it.
func settleStatus(row *tables.ClaimStatus, history []tables.ClaimFact) {
	row.Status, row.StatusAt = tables.ClaimUnknown, history[0].At
	for _, h := range history {
		status := statusOf(h)
		if status == "" || status == tables.ClaimSubmitted && row.Status != tables.ClaimUnknown && row.Status != tables.ClaimSubmitted {
			continue
		}
		row.Status, row.StatusAt = status, h.At
	}
}

func statusOf(h tables.ClaimFact) string {
	switch h.Type {
	case events.TypeClaimApproved:
		return tables.ClaimApproved
	case events.TypeClaimDenied:
		return tables.ClaimDenied
	case events.TypeClaimPaid:
		return tables.ClaimPaid
	case events.TypeAppealResolved:
		return *h.Outcome
	case events.TypeClaimSubmitted:
		return tables.ClaimSubmitted
	}
	return ""
}
