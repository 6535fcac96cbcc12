// This file answers: what follows from the facts of one claim, sorted.

package processors

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// Contradictions between the facts of a claim. They are kept and marked, never
// dropped.
const (
	MarkNoSubmission          = "NO_SUBMISSION"            // other events than an 837, no submission
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

	MarkAuthReversed         = "PRIOR_AUTH_DECIDED_BOTH_WAYS"
	MarkAuthOtherMember      = "PRIOR_AUTH_OF_ANOTHER_MEMBER"
	MarkApprovedUnauthorized = "APPROVED_WITHOUT_PRIOR_AUTH" // although one is wanted
	MarkRemittanceDiffers    = "REMITTANCE_DIFFERS"          // an 835 names another amount than the payment
	MarkApprovedAfterGrace   = "APPROVED_AFTER_COVERAGE_ENDED"
)

// claimFacts are the facts of a claim, each kind in event-time order.
type claimFacts struct {
	submitted, approved, denied, paid, appeals []tables.ClaimFact
	decision                                   *tables.ClaimFact  // the latest of approved, denied, appeals
	received, remitted                         []tables.ClaimFact // X12 items: 837, 835
	disputes                                   []*appealFacts
}

// settleClaim works out anew what follows from the facts of a row.
func settleClaim(key string, was tables.ClaimStatus) tables.ClaimStatus {
	row := tables.ClaimStatus{ClaimID: events.ID(key), History: was.History, PriorAuth: was.PriorAuth, GraceSpans: was.GraceSpans,
		Appeals: []tables.ClaimAppeal{}, Marks: []string{}}
	for i := range row.History {
		h := row.History[len(row.History)-1-i]
		row.MemberID, row.ProviderID = cmp.Or(h.MemberID, row.MemberID), cmp.Or(h.ProviderID, row.ProviderID)
	}
	facts := sortFacts(row.History)
	if len(facts.submitted) > 0 {
		s := facts.submitted[0]
		row.MemberID, row.ProviderID = s.MemberID, s.ProviderID
		row.PlanID, row.ClaimType, row.ServiceDate, row.Billed = s.PlanID, s.ClaimType, s.ServiceDate, s.Billed
	}
	settleDecision(&row, facts)
	settlePayments(&row, facts)
	for _, r := range facts.received {
		if r.PatientControlNumber != nil {
			row.PatientControlNumber = r.PatientControlNumber
		}
	}
	settleStatus(&row)
	settleAppeals(&row, facts)
	settlePriorAuth(&row, facts)
	settlePend(&row, was.MemberID)
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
		case events.TypeEDI837Received:
			f.received = append(f.received, h)
		case events.TypeEDI835Generated:
			f.remitted = append(f.remitted, h)
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

func orZero(m *events.Money) *events.Money {
	if m == nil {
		return new(events.Money)
	}
	return m
}

// opening are the statuses of a claim that nothing came of yet, each of which
// gives way to the next.
var opening = []string{tables.ClaimUnknown, tables.ClaimReceived, tables.ClaimSubmitted}

// settleStatus takes the status from the latest fact by event time. A
// submission, or an 837, gives it only where nothing else is known: it opens
// the life of a claim and cannot undo what came of it. What source systems say
// about an appeal changes nothing until the plan has resolved it, and neither
// does a remittance: it repeats what was decided.
func settleStatus(row *tables.ClaimStatus) {
	row.Status, row.StatusAt = tables.ClaimUnknown, row.History[0].At
	for _, h := range row.History {
		status := statusOf(h)
		now, next := slices.Index(opening, row.Status), slices.Index(opening, status)
		if status == "" || next >= 0 && (now < 0 || now > next) {
			continue
		}
		row.Status, row.StatusAt = status, h.At
	}
}

func statusOf(h tables.ClaimFact) string {
	switch h.Type {
	case events.TypeEDI837Received:
		return tables.ClaimReceived
	case events.TypeClaimSubmitted:
		return tables.ClaimSubmitted
	case events.TypeClaimApproved:
		return tables.ClaimApproved
	case events.TypeClaimDenied:
		return tables.ClaimDenied
	case events.TypeClaimPaid:
		return tables.ClaimPaid
	case events.TypeAppealResolved:
		return *h.Outcome
	}
	return ""
}
