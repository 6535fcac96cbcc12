package verify

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// Policies are grace policies at one version of the rules.
type Policies []tables.GracePolicy

// on is the policy of a plan for premiums that are overdue from a day on: its
// own, else that of any plan, else the default. name is how rows call it.
func (p Policies) on(plan events.ID, day events.Date) (found tables.GracePolicy, name string) {
	for _, of := range []string{string(plan), tables.AnyPlan} {
		for _, one := range p {
			if one.Plan == of && one.Effective <= day && (name == "" || one.Effective > found.Effective) {
				found, name = one, one.ID()
			}
		}
		if name != "" {
			return found, name
		}
	}
	return tables.DefaultGracePolicy, "default"
}

// premiums is a member's row on its way.
type premiums struct {
	policies Policies
	row      tables.GracePeriods
	marks    map[string]bool
}

// GraceRow is what must be known of a member of whom these are the facts, by
// the policies; false where there are none, or more than a row keeps.
func GraceRow(member string, g *GraceFacts, policies Policies) (tables.GracePeriods, bool) {
	p := premiums{policies, tables.GracePeriods{MemberID: events.ID(member), Graces: []tables.Grace{}, Invoices: []tables.GraceInvoice{},
		Payments: g.payments(), Enrollments: g.enrollments()}, map[string]bool{}}
	for id, bills := range g.Bills {
		p.row.Invoices = append(p.row.Invoices, p.invoice(id, bills, g.Said[id]))
	}
	slices.SortFunc(p.row.Invoices, func(a, b tables.GraceInvoice) int {
		return cmp.Or(cmp.Compare(a.DueOn, b.DueOn), cmp.Compare(a.InvoiceID, b.InvoiceID))
	})
	p.grace()
	p.through()
	p.mark()
	p.row.Marks = sortedKeys(p.marks)
	p.row.LastAt = g.lastAt()
	return p.row, len(p.row.Invoices)+len(p.row.Payments)+len(p.row.Enrollments) > 0
}

func (g *GraceFacts) lastAt() (at events.Instant) {
	for _, bills := range g.Bills {
		for _, b := range bills {
			at = max(at, b.At)
		}
	}
	for _, p := range g.Payments {
		at = max(at, p.At)
	}
	for _, words := range []map[events.ID][]tables.GraceCoverage{g.Activated, g.Terminated} {
		for _, all := range words {
			for _, c := range all {
				at = max(at, c.At)
			}
		}
	}
	return at
}

func (p *premiums) invoice(id events.ID, bills []tables.InvoiceBilled, words []GraceWord) tables.GraceInvoice {
	bill := latestOf(bills, func(b tables.InvoiceBilled) (events.Instant, string) { return b.At, b.ID })
	i := tables.GraceInvoice{InvoiceID: id, Billed: bill, Said: said(words), DueOn: bill.DueOn, Premium: bill.Premium}
	for _, other := range bills {
		i.Corrected = i.Corrected || !sameBill(*bill, other)
	}
	policy, _ := p.policies.on(bill.PlanID, bill.DueOn+1)
	i.OverdueAt = tables.FirstMoment(bill.DueOn+1, policy.Location())
	p.pay(&i, policy)
	i.Missed = i.PaidOn == nil || *i.PaidOn > i.DueOn
	return i
}

func sameBill(a, b tables.InvoiceBilled) bool {
	amount := func(m *events.Money) events.Money { return *orNothing(m) }
	return a.PlanID == b.PlanID && text(a.EnrollmentID) == text(b.EnrollmentID) && (a.EnrollmentID == nil) == (b.EnrollmentID == nil) && a.PeriodStart == b.PeriodStart &&
		a.PeriodEnd == b.PeriodEnd && a.DueOn == b.DueOn && a.Premium == b.Premium && (a.Aptc == nil) == (b.Aptc == nil) && amount(a.Aptc) == amount(b.Aptc)
}

// counts are the lines of money that count for an invoice: of a payment that
// settled what was applied, else what came in. When it came in is the day.
func (p *premiums) counts(id events.ID) (out []tables.GracePayment) {
	for _, line := range p.row.Payments {
		if line.InvoiceID == nil || *line.InvoiceID != id || line.Completed != p.settled(line.PaymentID) {
			continue
		}
		for _, in := range p.row.Payments {
			if in.PaymentID == line.PaymentID && !in.Completed {
				line.At = min(line.At, in.At)
			}
		}
		out = append(out, line)
	}
	slices.SortFunc(out, func(a, b tables.GracePayment) int { return cmp.Compare(a.At, b.At) })
	return out
}

func (p *premiums) settled(payment events.ID) bool {
	return slices.ContainsFunc(p.row.Payments, func(l tables.GracePayment) bool { return l.PaymentID == payment && l.Completed })
}

func (p *premiums) pay(i *tables.GraceInvoice, policy tables.GracePolicy) {
	for _, line := range p.counts(i.InvoiceID) {
		i.Paid = *orNothing(sum(&i.Paid, &line.Amount))
		i.PaidProvisional = i.PaidProvisional || !line.Completed
		if i.PaidOn == nil && i.Paid >= i.Premium {
			day := tables.DayIn(line.At, policy.Location())
			i.PaidOn = &day
		}
	}
	if i.Premium == 0 {
		due := i.DueOn
		i.PaidOn = &due
	}
}

// enrollment is the one that an invoice names, else one of its plan.
func (p *premiums) enrollment(i tables.GraceInvoice) *tables.GraceEnrollment {
	for n, e := range p.row.Enrollments {
		if i.Billed.EnrollmentID != nil && e.EnrollmentID == *i.Billed.EnrollmentID {
			return &p.row.Enrollments[n]
		}
	}
	if i.Billed.EnrollmentID != nil {
		return nil
	}
	for n, e := range p.row.Enrollments {
		if e.Activated != nil && e.Activated.PlanID == i.Billed.PlanID || e.Terminated != nil && e.Terminated.PlanID == i.Billed.PlanID {
			return &p.row.Enrollments[n]
		}
	}
	return nil
}

// ended is when the coverage of an invoice ended, and whether for non-payment;
// nil where it did not.
func (p *premiums) ended(i tables.GraceInvoice) (last *events.Date, nonPayment bool) {
	e := p.enrollment(i)
	if e == nil || e.Terminated == nil || e.Activated != nil && e.Activated.At > e.Terminated.At {
		return nil, false
	}
	return &e.Terminated.On, e.Terminated.NonPayment
}

func (p *premiums) aptc(i tables.GraceInvoice) string {
	credit := i.Billed.Aptc
	if e := p.enrollment(i); credit == nil && e != nil && e.Activated != nil {
		credit = e.Activated.Aptc
	}
	switch {
	case credit == nil:
		return tables.AptcUnknown
	case *credit > 0:
		return tables.AptcYes
	}
	return tables.AptcNo
}

// grace puts each premium that was missed into the grace period that runs when
// it is overdue, or begins one.
func (p *premiums) grace() {
	var members [][]int // of each grace period, by place in Invoices
	for n, i := range p.row.Invoices {
		if !i.Missed {
			continue
		}
		overdue, at := i.DueOn+1, len(p.row.Graces)-1
		if last, nonPayment := p.ended(i); last != nil && *last <= i.DueOn && (!nonPayment || at >= 0 && overdue > p.row.Graces[at].Through && !p.paidBy(members[at], p.row.Graces[at].Through)) {
			continue // coverage had ended, if for non-payment after an earlier grace period
		}
		if at < 0 || overdue > p.row.Graces[at].Through || p.paidBy(members[at], i.DueOn) || p.row.Graces[at].TerminatedOn != nil && overdue > *p.row.Graces[at].TerminatedOn {
			p.row.Graces, members, at = append(p.row.Graces, p.begin(i, overdue)), append(members, nil), at+1
		}
		members[at] = append(members[at], n)
		p.row.Graces[at].Invoices = append(p.row.Graces[at].Invoices, i.InvoiceID)
	}
	for at := range p.row.Graces {
		p.end(&p.row.Graces[at], members[at])
	}
}

func (p *premiums) begin(i tables.GraceInvoice, overdue events.Date) tables.Grace {
	policy, name := p.policies.on(i.Billed.PlanID, overdue)
	g := tables.Grace{From: overdue, Aptc: p.aptc(i), Policy: name}
	g.Through, g.PaysThrough = policy.Grace(overdue, g.Aptc == tables.AptcYes)
	if last, nonPayment := p.ended(i); last != nil && !nonPayment && *last < g.Through {
		g.TerminatedOn = last
	}
	return g
}

// end says how a grace period ended, and what follows for its invoices.
func (p *premiums) end(g *tables.Grace, members []int) {
	if p.paidBy(members, lastDayOf(*g)) {
		g.CuredOn = p.row.Invoices[members[0]].PaidOn
		for _, n := range members {
			if on := p.row.Invoices[n].PaidOn; *on > *g.CuredOn {
				g.CuredOn = on
			}
		}
	}
	for _, n := range members {
		i := &p.row.Invoices[n]
		policy, _ := p.policies.on(i.Billed.PlanID, i.DueOn+1)
		through := g.Through
		i.GraceThrough, i.GraceOverAt = &through, tables.FirstMoment(through+1, policy.Location())
		i.Expires = g.TerminatedOn == nil && (i.PaidOn == nil || *i.PaidOn > through)
		g.Expired = g.Expired || i.Stands(events.TypeGracePeriodExpired)
	}
	p.marks["APTC_UNKNOWN"] = p.marks["APTC_UNKNOWN"] || g.Aptc == tables.AptcUnknown
	p.marks["TERMINATED_IN_GRACE"] = p.marks["TERMINATED_IN_GRACE"] || g.TerminatedOn != nil
}

// lastDayOf is the last day on which a grace period can be cured.
func lastDayOf(g tables.Grace) events.Date {
	if g.TerminatedOn != nil {
		return min(g.Through, *g.TerminatedOn)
	}
	return g.Through
}

// paidBy says whether all of some invoices were paid by a day.
func (p *premiums) paidBy(members []int, day events.Date) bool {
	return !slices.ContainsFunc(members, func(n int) bool { return p.row.Invoices[n].PaidOn == nil || *p.row.Invoices[n].PaidOn > day })
}

// through is how far coverage is paid, and when the latest grace period ends.
func (p *premiums) through() {
	periods := slices.Clone(p.row.Invoices)
	slices.SortFunc(periods, func(a, b tables.GraceInvoice) int {
		return cmp.Or(cmp.Compare(a.Billed.PeriodStart, b.Billed.PeriodStart), cmp.Compare(a.InvoiceID, b.InvoiceID))
	})
	for _, i := range periods {
		if i.PaidOn == nil {
			break // a gap; days that no invoice is about are none
		}
		if p.row.PaidThrough == nil || i.Billed.PeriodEnd > *p.row.PaidThrough {
			end := i.Billed.PeriodEnd
			p.row.PaidThrough = &end
		}
	}
	if n := len(p.row.Graces); n > 0 && p.row.Graces[n-1].CuredOn == nil {
		last := lastDayOf(p.row.Graces[n-1])
		p.row.GraceEndsOn = &last
	}
}

func (p *premiums) mark() {
	for _, i := range p.row.Invoices {
		p.marks["INVOICE_CORRECTED"] = p.marks["INVOICE_CORRECTED"] || i.Corrected
		p.marks["PAID_MORE_THAN_DUE"] = p.marks["PAID_MORE_THAN_DUE"] || i.Paid > i.Premium
	}
	for _, line := range p.row.Payments {
		switch {
		case line.InvoiceID == nil && !slices.ContainsFunc(p.row.Payments, func(o tables.GracePayment) bool { return o.PaymentID == line.PaymentID && o.InvoiceID != nil }):
			p.marks["PAYMENT_UNAPPLIED"] = true
		case line.InvoiceID != nil && !slices.ContainsFunc(p.row.Invoices, func(i tables.GraceInvoice) bool { return i.InvoiceID == *line.InvoiceID }):
			p.marks["INVOICE_UNKNOWN"] = true
		}
	}
	for mark, holds := range p.marks {
		if !holds {
			delete(p.marks, mark)
		}
	}
}
