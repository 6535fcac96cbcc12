package tables

import (
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// GracePeriods is what is known about one member's premiums, keyed by memberId.
// Facts are what came in: Billed and Said of invoices, Payments, Enrollments.
// Everything else follows from them and from the grace policies, so that the
// same facts in any order give the same row. Days are days of the plan's zone.
type GracePeriods struct {
	MemberID    events.ID    `avro:"memberId" json:"memberId"`
	PaidThrough *events.Date `avro:"paidThrough" json:"paidThrough,omitempty"` // last day of the coverage that is paid without a gap, as far back as invoices are kept
	GraceEndsOn *events.Date `avro:"graceEndsOn" json:"graceEndsOn,omitempty"` // last day of the latest grace period, unless it was cured

	Graces      []Grace           `avro:"graces" json:"graces"`           // in order of time, none overlaps another
	Invoices    []GraceInvoice    `avro:"invoices" json:"invoices"`       // by due date and id
	Payments    []GracePayment    `avro:"payments" json:"payments"`       // by payment, invoice and whether completed; also of invoices that nobody has sent
	Enrollments []GraceEnrollment `avro:"enrollments" json:"enrollments"` // by id
	Marks       []string          `avro:"marks" json:"marks"`             // contradictions, sorted
	Folded      GraceFolded       `avro:"folded" json:"folded"`
	LastAt      events.Instant    `avro:"lastAt" json:"lastAt"` // event time of the latest fact
}

// Grace is one grace period. It belongs to the member: an invoice that falls
// due while it runs joins it, and does not make it longer.
type Grace struct {
	From         events.Date  `avro:"from" json:"from"`       // the day after the due date that began it
	Through      events.Date  `avro:"through" json:"through"` // its last day
	Open         bool         `avro:"open" json:"open"`       // Billing took its end back: it runs on
	Invoices     []events.ID  `avro:"invoices" json:"invoices"`
	Aptc         string       `avro:"aptc" json:"aptc"`                           // AptcYes, AptcNo or AptcUnknown
	Policy       string       `avro:"policy" json:"policy"`                       // name of the grace policy
	PaysThrough  *events.Date `avro:"paysThrough" json:"paysThrough,omitempty"`   // claims of later days may be pended; nil: none may
	CuredOn      *events.Date `avro:"curedOn" json:"curedOn,omitempty"`           // all of its invoices were paid by then
	TerminatedOn *events.Date `avro:"terminatedOn" json:"terminatedOn,omitempty"` // last day of coverage that ended while it ran
	Expired      bool         `avro:"expired" json:"expired"`                     // somebody said that it ran out, and it stands
}

// Whether a member's premium is paid in part by advance tax credits.
const (
	AptcYes     = "YES"
	AptcNo      = "NO"
	AptcUnknown = "UNKNOWN" // nobody said: the policy for members without counts
)

// GraceInvoice is one invoice, and what follows for it.
type GraceInvoice struct {
	InvoiceID events.ID      `avro:"invoiceId" json:"invoiceId"`
	Billed    *InvoiceBilled `avro:"billed" json:"billed,omitempty"` // nil: known only from what was said about it
	Said      []GraceSaid    `avro:"said" json:"said"`               // in the order of a grace period's life

	DueOn           events.Date    `avro:"dueOn" json:"dueOn"`
	Premium         events.Money   `avro:"premium" json:"premium"`
	Paid            events.Money   `avro:"paid" json:"paid"`
	PaidOn          *events.Date   `avro:"paidOn" json:"paidOn,omitempty"`             // when it was paid in full
	PaidProvisional bool           `avro:"paidProvisional" json:"paidProvisional"`     // by money that came in and has not settled
	Missed          bool           `avro:"missed" json:"missed"`                       // not paid by DueOn, as far as is known
	OverdueAt       events.Instant `avro:"overdueAt" json:"overdueAt"`                 // the first moment after DueOn
	GraceThrough    *events.Date   `avro:"graceThrough" json:"graceThrough,omitempty"` // last day of the grace period that it is in
	GraceOverAt     events.Instant `avro:"graceOverAt" json:"graceOverAt,omitempty"`   // the first moment after that
	Expires         bool           `avro:"expires" json:"expires"`                     // not paid by GraceThrough, as far as is known
}

// InvoiceBilled is the latest of what Billing sent as this invoice.
type InvoiceBilled struct {
	ID           string         `avro:"id" json:"id"` // event identity
	At           events.Instant `avro:"at" json:"at"`
	PlanID       events.ID      `avro:"planId" json:"planId"`
	EnrollmentID *events.ID     `avro:"enrollmentId" json:"enrollmentId,omitempty"`
	PeriodStart  events.Date    `avro:"periodStart" json:"periodStart"`
	PeriodEnd    events.Date    `avro:"periodEnd" json:"periodEnd"`
	DueOn        events.Date    `avro:"dueOn" json:"dueOn"`
	Premium      events.Money   `avro:"premium" json:"premium"`
	Aptc         *events.Money  `avro:"aptc" json:"aptc,omitempty"`
}

// GraceSaid is what was said of an invoice in one type of event, by Billing or
// by us. It is one fact, whoever said it first.
type GraceSaid struct {
	Type      events.Type    `avro:"type" json:"type"`
	Revision  int32          `avro:"revision" json:"revision"`   // of the latest; -1: only what takes it back came in
	TakenBack int32          `avro:"takenBack" json:"takenBack"` // revisions below this are void
	Through   *events.Date   `avro:"through" json:"through,omitempty"`
	Premium   events.Money   `avro:"premium" json:"premium"`
	MissedAt  events.Instant `avro:"missedAt" json:"missedAt"`
	ByBilling bool           `avro:"byBilling" json:"byBilling"`
	ID        string         `avro:"id" json:"id"`         // event identity of the latest
	Waived    bool           `avro:"waived" json:"waived"` // Billing took back what we would say: it is not said again
}

// Stands says whether what was said was not taken back.
func (s GraceSaid) Stands() bool { return s.Revision >= s.TakenBack }

// GracePayment is money that came in, or that was applied to an invoice.
type GracePayment struct {
	PaymentID events.ID      `avro:"paymentId" json:"paymentId"`
	InvoiceID *events.ID     `avro:"invoiceId" json:"invoiceId,omitempty"` // nil: not applied
	Completed bool           `avro:"completed" json:"completed"`
	Amount    events.Money   `avro:"amount" json:"amount"`
	At        events.Instant `avro:"at" json:"at"`
	ID        string         `avro:"id" json:"id"` // event identity
}

// GraceEnrollment is what is known of one enrolment of the member.
type GraceEnrollment struct {
	EnrollmentID events.ID      `avro:"enrollmentId" json:"enrollmentId"`
	Activated    *GraceCoverage `avro:"activated" json:"activated,omitempty"`
	Terminated   *GraceCoverage `avro:"terminated" json:"terminated,omitempty"`
}

// GraceCoverage is the latest word on an enrolment's beginning or end.
type GraceCoverage struct {
	ID         string         `avro:"id" json:"id"`
	At         events.Instant `avro:"at" json:"at"`
	PlanID     events.ID      `avro:"planId" json:"planId"`
	On         events.Date    `avro:"on" json:"on"`                 // first day, or last day, of coverage
	Aptc       *events.Money  `avro:"aptc" json:"aptc,omitempty"`   // for a month; nil: not known
	NonPayment bool           `avro:"nonPayment" json:"nonPayment"` // why it ended
}

// GraceFolded counts invoices that are closed and too old to be kept.
type GraceFolded struct {
	Invoices    int32        `avro:"invoices" json:"invoices"`
	Through     *events.Date `avro:"through" json:"through,omitempty"`         // latest due date of them
	PaidThrough *events.Date `avro:"paidThrough" json:"paidThrough,omitempty"` // last day of coverage that they paid
}

// Because returns the ids of the facts that made the row, sorted, the first
// 100 of them, and how many there are. What we said ourselves is no fact.
func (g GracePeriods) Because() topology.Because {
	var ids []string
	for _, i := range g.Invoices {
		if i.Billed != nil {
			ids = append(ids, i.Billed.ID)
		}
		for _, s := range i.Said {
			if s.ByBilling {
				ids = append(ids, s.ID)
			}
		}
	}
	for _, p := range g.Payments {
		ids = append(ids, p.ID)
	}
	for _, e := range g.Enrollments {
		for _, a := range []*GraceCoverage{e.Activated, e.Terminated} {
			if a != nil {
				ids = append(ids, a.ID)
			}
		}
	}
	return topology.BecauseOf(ids, maxBecause)
}

// LatestEventAt is the event time of the latest fact.
func (g GracePeriods) LatestEventAt() time.Time {
	if g.LastAt == 0 {
		return time.Time{}
	}
	return g.LastAt.Time()
}

// Due is when the next thing is to be said that nobody has said: the zero time
// where there is none.
func (g GracePeriods) Due() time.Time {
	var first events.Instant
	for _, i := range g.Invoices {
		for _, d := range i.deadlines() {
			if (first == 0 || d.At < first) && !i.Stands(d.Type) {
				first = d.At
			}
		}
	}
	if first == 0 {
		return time.Time{}
	}
	return first.Time()
}
