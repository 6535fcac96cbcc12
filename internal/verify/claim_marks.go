package verify

import (
	"maps"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// mark notes what the facts of a claim contradict each other in.
func (l *life) mark(marks map[string]bool, payments []paidOnce) {
	submitted, paid := l.of(events.TypeClaimSubmitted), l.of(events.TypeClaimPaid)
	decided := l.of(events.TypeClaimApproved, events.TypeClaimDenied)
	accepted := l.row.Status == tables.ClaimApproved || l.row.Status == tables.ClaimPaid
	some := func(facts []tables.ClaimFact, ok func(tables.ClaimFact) bool) bool {
		return slices.ContainsFunc(facts, ok)
	}
	marks["MEMBER_DIFFERS"] = some(l.all, func(f tables.ClaimFact) bool { return f.MemberID != "" && f.MemberID != l.row.MemberID })
	marks["PROVIDER_DIFFERS"] = some(l.all, func(f tables.ClaimFact) bool { return f.ProviderID != "" && f.ProviderID != l.row.ProviderID })
	marks["SUBMITTED_TWICE"] = len(submitted) > 1
	marks["NO_SUBMISSION"] = len(submitted) == 0 && len(l.of(events.TypeEDI837Received)) < len(l.all)
	if len(submitted) > 0 {
		early := func(f tables.ClaimFact) bool { return f.At < submitted[0].At }
		marks["DECIDED_BEFORE_SUBMITTED"], marks["PAID_BEFORE_SUBMITTED"] = some(decided, early), some(paid, early)
	}
	for _, a := range l.of(events.TypeAppealResolved) {
		if !some(l.of(events.TypeClaimDenied), func(f tables.ClaimFact) bool { return f.At <= a.At }) {
			marks["APPEAL_WITHOUT_DENIAL"] = true
		}
	}
	if len(paid) > 0 {
		entitled := append(l.of(events.TypeClaimApproved), l.granted()...)
		marks["PAID_WITHOUT_APPROVAL"] = len(entitled) == 0
		marks["PAID_BEFORE_APPROVAL"] = len(entitled) > 0 && !some(entitled, func(f tables.ClaimFact) bool { return f.At <= paid[0].At })
	}
	marks["APPROVED_AFTER_COVERAGE_ENDED"] = l.row.Grace != nil && *l.row.Grace == tables.ClaimsExpired && accepted
	l.markAuth(marks, accepted)
	l.markAmounts(marks, payments)
	maps.DeleteFunc(marks, func(_ string, holds bool) bool { return !holds })
}

// granted are the appeals that gave something.
func (l *life) granted() (out []tables.ClaimFact) {
	for _, a := range l.of(events.TypeAppealResolved) {
		if *a.Outcome != events.OutcomeUpheld {
			out = append(out, a)
		}
	}
	return out
}

func (l *life) markAuth(marks map[string]bool, accepted bool) {
	if l.row.PriorAuthState == nil {
		return
	}
	state := *l.row.PriorAuthState
	marks["PRIOR_AUTH_OF_ANOTHER_MEMBER"] = state == tables.AuthOtherMember
	if l.row.PriorAuth != nil && state != tables.AuthOtherMember {
		for _, d := range l.row.PriorAuth.Decisions {
			if d.Type != l.row.PriorAuth.Decisions[0].Type {
				marks["PRIOR_AUTH_DECIDED_BOTH_WAYS"] = true
			}
		}
	}
	marks["APPROVED_WITHOUT_PRIOR_AUTH"] = l.wantsAuth() && accepted && state != tables.AuthApproved && state != tables.AuthUndecided
}

// reversed is the claim status of an 835 that takes a payment back.
const reversed = "22"

func (l *life) markAmounts(marks map[string]bool, payments []paidOnce) {
	total := new(events.Money)
	for _, p := range payments {
		if p.disputed {
			marks["PAYMENT_DISAGREES"] = true
		}
		if next := sum(total, p.counts.Paid); next != nil {
			total = next
		} else {
			marks["AMOUNTS_DO_NOT_ADD_UP"] = true
		}
		for _, r := range l.of(events.TypeEDI835Generated) {
			if r.PaymentID != nil && *r.PaymentID == p.id && *r.ClaimStatusCode != reversed && *r.Paid != *p.counts.Paid {
				marks["REMITTANCE_DIFFERS"] = true
			}
		}
	}
	billed := l.row.Billed
	for _, d := range l.of(events.TypeClaimApproved, events.TypeAppealResolved) {
		if d.Allowed == nil {
			continue
		}
		if both := sum(orNothing(d.Paid), orNothing(d.MemberResponsibility)); both == nil || *both != *d.Allowed {
			marks["AMOUNTS_DO_NOT_ADD_UP"] = true
		}
		if d.CostShare != nil && d.MemberResponsibility != nil && *d.CostShare != *d.MemberResponsibility {
			marks["COST_SHARE_DOES_NOT_ADD_UP"] = true
		}
		if billed != nil && *d.Allowed > *billed {
			marks["ALLOWED_EXCEEDS_BILLED"] = true
		}
		if billed != nil && d.Billed != nil && *d.Billed != *billed {
			marks["BILLED_DIFFERS"] = true
		}
	}
	if l.row.Paid != nil && l.row.Payable != nil && *l.row.Paid > *l.row.Payable {
		marks["PAID_EXCEEDS_PAYABLE"] = true
	}
}

func orNothing(m *events.Money) *events.Money {
	if m == nil {
		return new(events.Money)
	}
	return m
}
