package verify

import (
	"maps"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// life is a claim's facts in order, and the row that they must have made.
type life struct {
	all []tables.ClaimFact
	row tables.ClaimStatus
}

// row is what must be known of a claim; false where nothing happened to it.
func (c *claim) row(key string) (tables.ClaimStatus, bool) {
	if len(c.facts) == 0 {
		return tables.ClaimStatus{}, false // answers alone make no row
	}
	inOrder(c.facts)
	l := life{all: c.facts, row: tables.ClaimStatus{ClaimID: events.ID(key), History: c.facts, Appeals: []tables.ClaimAppeal{}, GraceSpans: []tables.ClaimGraceSpan{}}}
	l.identify()
	l.decide()
	payments := l.pay()
	l.stand()
	appeals := l.dispute()
	l.authorize(c.auths)
	if spans, told := c.graces[string(l.row.MemberID)]; told {
		l.row.GraceSpans = spans
	}
	l.pend()
	marks := map[string]bool{}
	l.mark(marks, payments)
	for _, a := range appeals {
		l.markAppeal(marks, a)
	}
	delete(marks, "")
	l.row.Marks = append([]string{}, slices.Sorted(maps.Keys(marks))...)
	return l.row, true
}

// of are the facts of some types, in order.
func (l *life) of(types ...events.Type) (out []tables.ClaimFact) {
	for _, f := range l.all {
		if slices.Contains(types, f.Type) {
			out = append(out, f)
		}
	}
	return out
}

// last is the latest fact for which ok holds; nil: none.
func (l *life) last(ok func(tables.ClaimFact) bool) *tables.ClaimFact {
	for i := len(l.all) - 1; i >= 0; i-- {
		if ok(l.all[i]) {
			return &l.all[i]
		}
	}
	return nil
}

func (l *life) first(ok func(tables.ClaimFact) bool) *tables.ClaimFact {
	if i := slices.IndexFunc(l.all, ok); i >= 0 {
		return &l.all[i]
	}
	return nil
}

func is(types ...events.Type) func(tables.ClaimFact) bool {
	return func(f tables.ClaimFact) bool { return slices.Contains(types, f.Type) }
}

// identify takes who and what from the first submission, else from the first
// fact that says it.
func (l *life) identify() {
	if f := l.first(func(f tables.ClaimFact) bool { return f.MemberID != "" }); f != nil {
		l.row.MemberID = f.MemberID
	}
	if f := l.first(func(f tables.ClaimFact) bool { return f.ProviderID != "" }); f != nil {
		l.row.ProviderID = f.ProviderID
	}
	if f := l.first(func(f tables.ClaimFact) bool { return f.Type == events.TypeClaimApproved && f.Billed != nil }); f != nil {
		l.row.Billed = f.Billed
	}
	if s := l.first(is(events.TypeClaimSubmitted)); s != nil {
		l.row.MemberID, l.row.ProviderID, l.row.PlanID = s.MemberID, s.ProviderID, s.PlanID
		l.row.ClaimType, l.row.ServiceDate, l.row.Billed = s.ClaimType, s.ServiceDate, s.Billed
	}
	if r := l.last(func(f tables.ClaimFact) bool {
		return f.Type == events.TypeEDI837Received && f.PatientControlNumber != nil
	}); r != nil {
		l.row.PatientControlNumber = r.PatientControlNumber
	}
}

// decide takes amounts from the last decision that says something of them, and
// the denial from the last one, while it stands.
func (l *life) decide() {
	decision := l.last(is(events.TypeClaimApproved, events.TypeClaimDenied, events.TypeAppealResolved))
	if decision == nil {
		return
	}
	amounts := l.last(func(f tables.ClaimFact) bool {
		return f.Type == events.TypeClaimApproved || f.Type == events.TypeClaimDenied || f.Type == events.TypeAppealResolved && f.Allowed != nil
	})
	if amounts != nil && amounts.Type != events.TypeClaimDenied {
		l.row.Allowed, l.row.Payable, l.row.MemberResponsibility = amounts.Allowed, amounts.Paid, amounts.MemberResponsibility
	}
	stands := decision.Type == events.TypeClaimDenied || decision.Outcome != nil && *decision.Outcome == events.OutcomeUpheld
	if denial := l.last(is(events.TypeClaimDenied)); denial != nil && stands {
		l.row.DenialCode, l.row.DenialText = denial.DenialCode, denial.DenialText
	}
	if decision.Type == events.TypeClaimDenied {
		l.row.AppealDeadline = decision.AppealDeadline
	}
}

// paidOnce is one payment: what counts of it, and whether others say otherwise.
type paidOnce struct {
	id       events.ID
	counts   tables.ClaimFact
	disputed bool
}

// payments are those of the claim in the order of their first line: the last
// line of Billing counts, else of nobody known, else of the mirror.
func (l *life) payments() (out []paidOnce) {
	for _, f := range l.of(events.TypeClaimPaid) {
		if slices.ContainsFunc(out, func(p paidOnce) bool { return p.id == *f.PaymentID }) {
			continue
		}
		p := paidOnce{id: *f.PaymentID}
		var said []events.Money
		for _, by := range []string{events.RecordedByBilling, events.RecordedByUnknown, events.RecordedByClaims} {
			line := l.last(func(h tables.ClaimFact) bool {
				return h.Type == events.TypeClaimPaid && *h.PaymentID == p.id && recorder(h) == by
			})
			if line == nil {
				continue
			}
			if len(said) == 0 {
				p.counts = *line
			}
			p.disputed = p.disputed || len(said) > 0 && said[0] != *line.Paid
			said = append(said, *line.Paid)
		}
		for _, amount := range said {
			p.disputed = p.disputed || amount != said[0]
		}
		out = append(out, p)
	}
	return out
}

func recorder(f tables.ClaimFact) string {
	if by := *f.RecordedBy; by == events.RecordedByBilling || by == events.RecordedByClaims {
		return by
	}
	return events.RecordedByUnknown
}

func (l *life) pay() []paidOnce {
	all := l.payments()
	for _, p := range all {
		before := new(events.Money)
		if l.row.Paid != nil {
			before = l.row.Paid
		}
		if both := sum(before, p.counts.Paid); both != nil {
			l.row.Paid = both
		}
		l.row.PaidProvisional = l.row.PaidProvisional || *p.counts.RecordedBy != events.RecordedByBilling
	}
	return all
}

// stand is the status: what was done last with the claim, else how far it came.
func (l *life) stand() {
	l.row.Status, l.row.StatusAt = tables.ClaimUnknown, l.all[0].At
	for _, step := range []struct {
		status string
		types  []events.Type
	}{
		{"", []events.Type{events.TypeClaimApproved, events.TypeClaimDenied, events.TypeClaimPaid, events.TypeAppealResolved}},
		{tables.ClaimSubmitted, []events.Type{events.TypeClaimSubmitted}},
		{tables.ClaimReceived, []events.Type{events.TypeEDI837Received}},
	} {
		f := l.last(is(step.types...))
		if f == nil {
			continue
		}
		l.row.Status, l.row.StatusAt = step.status, f.At
		switch f.Type {
		case events.TypeClaimApproved:
			l.row.Status = tables.ClaimApproved
		case events.TypeClaimDenied:
			l.row.Status = tables.ClaimDenied
		case events.TypeClaimPaid:
			l.row.Status = tables.ClaimPaid
		case events.TypeAppealResolved:
			l.row.Status = *f.Outcome
		}
		return
	}
}

// pend says what the date of service is to the member's grace periods.
func (l *life) pend() {
	if l.row.ServiceDate == nil {
		return
	}
	for _, s := range slices.Backward(l.row.GraceSpans) {
		if day := *l.row.ServiceDate; s.From <= day && day <= s.To {
			l.row.Grace = &s.Claims
			break
		}
	}
	if l.row.Grace != nil && *l.row.Grace == tables.ClaimsPendable && l.row.Status == tables.ClaimSubmitted {
		l.row.Status = tables.ClaimPended
	}
}

// authorize says what became of the prior authorization that the claim names.
func (l *life) authorize(told map[string]*tables.PriorAuth) {
	if s := l.last(is(events.TypeClaimSubmitted)); s != nil {
		l.row.RequiresPriorAuth = s.RequiresPriorAuth
	}
	if s := l.last(func(f tables.ClaimFact) bool { return f.Type == events.TypeClaimSubmitted && f.PriorAuthID != nil }); s != nil {
		l.row.PriorAuthID = s.PriorAuthID
	}
	if s := l.last(func(f tables.ClaimFact) bool { return f.Type == events.TypeClaimSubmitted && f.ServiceCode != nil }); s != nil {
		l.row.ServiceCode = s.ServiceCode
	}
	if l.row.PriorAuthID == nil {
		if l.wantsAuth() {
			missing := tables.AuthMissing
			l.row.PriorAuthState = &missing
		}
		return
	}
	if a := told[string(*l.row.PriorAuthID)]; a != nil && a.PriorAuthID == *l.row.PriorAuthID {
		l.row.PriorAuth = a
	}
	state := l.authState()
	l.row.PriorAuthState = &state
}

func (l *life) wantsAuth() bool { return l.row.RequiresPriorAuth != nil && *l.row.RequiresPriorAuth }

func (l *life) authState() string {
	var d *tables.AuthDecision
	if l.row.PriorAuth != nil {
		d = l.row.PriorAuth.InForce()
	}
	if d == nil {
		return tables.AuthUndecided
	}
	if d.MemberID != l.row.MemberID {
		return tables.AuthOtherMember
	}
	if d.Type != events.TypePriorAuthApproved {
		return tables.AuthDenied
	}
	if d.ClaimID != nil && *d.ClaimID != l.row.ClaimID {
		return tables.AuthOtherClaim
	}
	if d.ServiceCode != nil && l.row.ServiceCode != nil && *d.ServiceCode != *l.row.ServiceCode {
		return tables.AuthOtherService
	}
	if day := l.row.ServiceDate; day != nil && !d.Covers(*day) {
		if *day < *d.EffectiveDate {
			return tables.AuthNotYet
		}
		return tables.AuthExpired
	}
	return tables.AuthApproved
}
