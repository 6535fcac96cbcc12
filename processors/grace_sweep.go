// This file answers: which grace periods were there, from when to when, and
// which invoices are in each?

package processors

import (
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// graceRun is a grace period while it is worked out.
type graceRun struct {
	tables.Grace
	in     []int       // places of its invoices
	policy events.Date // last day by the policy
	ended  *events.Date
	zone   *time.Location
}

// sweepGrace goes through the invoices as they fall due. A premium that is
// missed begins a grace period, or joins the one that runs: three consecutive
// months are three, however many premiums fall due in them (45 CFR 156.270(d)).
// All of them have to be paid for a cure (45 CFR 156.270(g)).
func sweepGrace(row *tables.GracePeriods, p GracePolicies, mark func(bool, string)) {
	row.Graces = []tables.Grace{}
	var cur *graceRun
	end := func() {
		if cur != nil {
			cur.close(row, mark)
		}
	}
	for n := range row.Invoices {
		i := &row.Invoices[n]
		if i.Missed = missed(i, mark); !i.Missed {
			continue
		}
		switch from := i.DueOn + 1; {
		case cur.joins(row, from):
		case !begins(row, *i, cur):
			continue
		default:
			end()
			cur = begin(row, *i, from, p)
		}
		cur.in = append(cur.in, n)
		cur.fix(row)
	}
	end()
}

// missed says whether an invoice was not paid by its due date, as far as is
// known. Of one that nobody has sent Billing's word counts.
func missed(i *tables.GraceInvoice, mark func(bool, string)) bool {
	late := i.PaidOn == nil || *i.PaidOn > i.DueOn
	said, waived := false, false
	for _, s := range i.Said {
		said = said || s.Billing.Stands()
		waived = waived || s.Type == events.TypePaymentMissed && s.Billing.Waived()
		mark(s.Billing.Waived() && late, MarkBillingTookBack)
	}
	mark(said && !late && i.Billed != nil, MarkBillingDisagrees)
	return late && !waived && (i.Billed != nil || said)
}

// begins says whether a missed premium begins a grace period: there is coverage
// to keep, and Billing did not say otherwise. Coverage that ended because a
// premium was not paid ended by the grace period that this premium begins,
// unless one ran out before.
func begins(row *tables.GracePeriods, i tables.GraceInvoice, before *graceRun) bool {
	if s := i.Word(events.TypeGracePeriodStarted); s != nil && s.Billing.Waived() {
		return false
	}
	if i.Billed == nil {
		return billingEnd(i, i.DueOn+1) != nil
	}
	last, unpaid := coverageEnd(row, i)
	return last == nil || *last > i.DueOn || unpaid && (before == nil || before.CuredOn != nil)
}

func begin(row *tables.GracePeriods, i tables.GraceInvoice, from events.Date, p GracePolicies) *graceRun {
	r := &graceRun{Grace: tables.Grace{From: from, Aptc: tables.AptcUnknown, Policy: "default"}, zone: tables.DefaultGracePolicy.Location()}
	if i.Billed == nil {
		r.policy = *billingEnd(i, from)
		return r
	}
	policy := p.For(i.Billed.PlanID, from)
	r.Aptc, r.zone = aptcOf(row, i), policy.Location()
	if policy != tables.DefaultGracePolicy {
		r.Policy = policy.ID()
	}
	r.policy, r.PaysThrough = policy.Grace(from, r.Aptc == tables.AptcYes)
	if last, unpaid := coverageEnd(row, i); last != nil && !unpaid {
		r.ended = last
	}
	return r
}

// joins says whether a premium that is overdue from a day on falls into the
// grace period that runs.
func (r *graceRun) joins(row *tables.GracePeriods, from events.Date) bool {
	if r == nil || from > r.last() && !r.Open {
		return false
	}
	for _, n := range r.in {
		if paid := row.Invoices[n].PaidOn; paid == nil || *paid >= from {
			return true
		}
	}
	return false
}

// last is the last day on which it can be cured.
func (r *graceRun) last() events.Date {
	if r.TerminatedOn != nil {
		return min(r.Through, *r.TerminatedOn)
	}
	return r.Through
}

// fix works out the end from the invoices that are in it. Billing's word goes
// before the policy's, on a run-out before a start.
func (r *graceRun) fix(row *tables.GracePeriods) {
	r.Through, r.Open, r.TerminatedOn, r.CuredOn = r.policy, false, nil, nil
	for _, t := range []events.Type{events.TypeGracePeriodExpired, events.TypeGracePeriodStarted} {
		if end := r.billingEnd(row, t); end != nil {
			r.Through = *end
			break
		}
	}
	for _, n := range r.in {
		if s := row.Invoices[n].Word(events.TypeGracePeriodExpired); s != nil && s.Billing.Waived() {
			r.Open = true
		}
	}
	if r.ended != nil && *r.ended < r.Through {
		r.TerminatedOn = r.ended
	}
	var cured events.Date
	for _, n := range r.in {
		paid := row.Invoices[n].PaidOn
		if paid == nil || *paid > r.last() && (!r.Open || r.TerminatedOn != nil) {
			return
		}
		cured = max(cured, *paid)
	}
	r.CuredOn = &cured
}

func (r *graceRun) billingEnd(row *tables.GracePeriods, t events.Type) *events.Date {
	for _, n := range r.in {
		if s := row.Invoices[n].Word(t); s != nil && s.Billing.Stands() && s.Billing.Through != nil && *s.Billing.Through >= r.From {
			return s.Billing.Through
		}
	}
	return nil
}

// billingEnd is the end that Billing names for an invoice's grace period.
func billingEnd(i tables.GraceInvoice, from events.Date) *events.Date {
	for _, t := range []events.Type{events.TypeGracePeriodExpired, events.TypeGracePeriodStarted} {
		if s := i.Word(t); s != nil && s.Billing.Stands() && s.Billing.Through != nil && *s.Billing.Through >= from {
			return s.Billing.Through
		}
	}
	return nil
}

// close writes a grace period into the row and its invoices.
func (r *graceRun) close(row *tables.GracePeriods, mark func(bool, string)) {
	over := tables.FirstMoment(r.Through+1, r.zone)
	for _, n := range r.in {
		i := &row.Invoices[n]
		through := r.Through
		i.GraceThrough, i.GraceOverAt = &through, over
		i.Expires = !r.Open && r.TerminatedOn == nil && (i.PaidOn == nil || *i.PaidOn > r.Through)
		r.Expired = r.Expired || i.Stands(events.TypeGracePeriodExpired)
		r.Invoices = append(r.Invoices, i.InvoiceID)
		for _, s := range i.Said {
			if s.Billing.Stands() && s.Billing.Through != nil {
				mark(*s.Billing.Through != r.policy && i.Billed != nil, MarkGraceEndDiffers)
				mark(*s.Billing.Through < r.From, MarkGraceEndsBefore)
			}
		}
	}
	if r.PaysThrough != nil && *r.PaysThrough >= r.Through {
		r.PaysThrough = nil
	}
	mark(r.TerminatedOn != nil, MarkTerminatedInGrace)
	mark(r.Aptc == tables.AptcUnknown, MarkAptcUnknown)
	row.Graces = append(row.Graces, r.Grace)
}
