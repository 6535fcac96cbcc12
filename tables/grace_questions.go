package tables

import (
	"slices"

	"payerflow/events"
)

// What a member's premiums are on a day.
const (
	GraceCurrent = "CURRENT"  // nothing is overdue
	GraceMissed  = "MISSED"   // something is overdue, and no grace period runs for it
	GraceIn      = "IN_GRACE" // something is overdue, in its grace period
	GraceCured   = "CURED"    // all was paid in the grace period, whose last day is still to come
	GraceExpired = "EXPIRED"  // the grace period ran out, and coverage has not begun anew
)

// GraceDeadline is something that holds from a time on, unless a payment comes.
type GraceDeadline struct {
	Type    events.Type
	At      events.Instant
	Through *events.Date
}

// Deadlines are what is to be said of an invoice as time passes, in order, as
// far as is known. Of one that nobody has sent there is nothing to say.
func (i GraceInvoice) Deadlines() (out []GraceDeadline) {
	if !i.Missed || i.Billed == nil {
		return nil
	}
	if !i.waived(events.TypePaymentMissed) {
		out = append(out, GraceDeadline{events.TypePaymentMissed, i.OverdueAt, nil})
	}
	if i.GraceThrough == nil {
		return out
	}
	if !i.waived(events.TypeGracePeriodStarted) {
		out = append(out, GraceDeadline{events.TypeGracePeriodStarted, i.OverdueAt, i.GraceThrough})
	}
	if i.Expires && !i.waived(events.TypeGracePeriodExpired) {
		out = append(out, GraceDeadline{events.TypeGracePeriodExpired, i.GraceOverAt, i.GraceThrough})
	}
	return out
}

// Word is what was said of the invoice in a type of event, nil where nothing was.
func (i GraceInvoice) Word(t events.Type) *GraceSaid {
	for n := range i.Said {
		if i.Said[n].Type == t {
			return &i.Said[n]
		}
	}
	return nil
}

// Stands says whether a type of event was said of the invoice, and stands.
func (i GraceInvoice) Stands(t events.Type) bool {
	said := i.Word(t)
	return said != nil && said.Stands()
}

func (i GraceInvoice) waived(t events.Type) bool {
	said := i.Word(t)
	return said != nil && said.Billing.Waived()
}

// StatusOn is how the member's premiums stand on a day, as far as is known:
// for a day to come, if nobody pays any more.
func (g GracePeriods) StatusOn(day events.Date) string {
	status := GraceCurrent
	if n := g.graceBefore(day); n >= 0 {
		status = g.statusIn(g.Graces[n], day)
	}
	if status != GraceCurrent && status != GraceCured {
		return status
	}
	for _, i := range g.Invoices {
		if i.Missed && i.GraceThrough == nil && day > i.DueOn && !i.paidBy(day) {
			return GraceMissed
		}
	}
	return status
}

// graceBefore finds the latest grace period that began by a day.
func (g GracePeriods) graceBefore(day events.Date) int {
	n := len(g.Graces) - 1
	for n >= 0 && g.Graces[n].From > day {
		n--
	}
	return n
}

func (g GracePeriods) statusIn(p Grace, day events.Date) string {
	switch {
	case p.CuredOn != nil && day >= *p.CuredOn:
		if day <= p.Through {
			return GraceCured
		}
		return GraceCurrent
	case p.TerminatedOn != nil && day > *p.TerminatedOn:
		if g.allPaid(p, day) {
			return GraceCurrent
		}
		return GraceMissed
	case day <= p.Through || p.Open:
		return GraceIn
	case g.resumed(p, day):
		return GraceCurrent
	}
	return GraceExpired
}

func (g GracePeriods) allPaid(p Grace, day events.Date) bool {
	for _, i := range g.Invoices {
		if slices.Contains(p.Invoices, i.InvoiceID) && !i.paidBy(day) {
			return false
		}
	}
	return true
}

// resumed says whether coverage began anew after a grace period that ran out:
// another enrolment, or a later premium that was paid on time.
func (g GracePeriods) resumed(p Grace, day events.Date) bool {
	for _, e := range g.Enrollments {
		if e.Activated != nil && e.Activated.On > p.Through && e.Activated.On <= day {
			return true
		}
	}
	for _, i := range g.Invoices {
		if i.DueOn > p.Through && i.paidBy(min(day, i.DueOn)) && i.Billed != nil && day >= i.Billed.PeriodStart {
			return true
		}
	}
	return false
}

func (i GraceInvoice) paidBy(day events.Date) bool { return i.PaidOn != nil && *i.PaidOn <= day }
