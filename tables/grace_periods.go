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
	MemberID    events.ID    `avro:"memberId" json:"memberId" class:"PHI"`
	PaidThrough *events.Date `avro:"paidThrough" json:"paidThrough,omitempty" class:"PHI" from:"periodEnd"`                  // last day of the coverage that is paid without a gap, as far back as invoices are kept
	GraceEndsOn *events.Date `avro:"graceEndsOn" json:"graceEndsOn,omitempty" class:"PHI" from:"gracePeriodEndDate,dueDate"` // last day of the latest grace period, unless it was cured

	Graces      []Grace           `avro:"graces" json:"graces"`                                                   // in order of time, none overlaps another
	Invoices    []GraceInvoice    `avro:"invoices" json:"invoices"`                                               // by due date and id
	Payments    []GracePayment    `avro:"payments" json:"payments"`                                               // by payment, invoice and whether completed; also of invoices that nobody has sent
	Enrollments []GraceEnrollment `avro:"enrollments" json:"enrollments"`                                         // by id
	Marks       []string          `avro:"marks" json:"marks" class:"PHI" from:"premiumCents,amountCents,dueDate"` // contradictions, sorted
	Folded      GraceFolded       `avro:"folded" json:"folded"`
	LastAt      events.Instant    `avro:"lastAt" json:"lastAt" class:"PUBLIC" from:"generatedAt,receivedAt,completedAt,activatedAt,terminatedAt"` // event time of the latest fact
}

// Grace is one grace period. It belongs to the member: an invoice that falls
// due while it runs joins it, and does not make it longer.
type Grace struct {
	From         events.Date  `avro:"from" json:"from" class:"PHI" from:"dueDate"`                          // the day after the due date that began it
	Through      events.Date  `avro:"through" json:"through" class:"PHI" from:"gracePeriodEndDate,dueDate"` // its last day
	Open         bool         `avro:"open" json:"open" class:"PHI" from:"gracePeriodEndDate"`               // Billing took its end back: it runs on
	Invoices     []events.ID  `avro:"invoices" json:"invoices" class:"PHI" from:"invoiceId"`
	Aptc         string       `avro:"aptc" json:"aptc" class:"PII" from:"aptcCents,aptcAmount"`                      // AptcYes, AptcNo or AptcUnknown
	Policy       string       `avro:"policy" json:"policy" class:"PUBLIC" from:"planId"`                             // name of the grace policy
	PaysThrough  *events.Date `avro:"paysThrough" json:"paysThrough,omitempty" class:"PHI" from:"dueDate"`           // claims of later days may be pended; nil: none may
	CuredOn      *events.Date `avro:"curedOn" json:"curedOn,omitempty" class:"PHI" from:"receivedAt,dueDate"`        // all of its invoices were paid by then
	TerminatedOn *events.Date `avro:"terminatedOn" json:"terminatedOn,omitempty" class:"PHI" from:"terminationDate"` // last day of coverage that ended while it ran
	Expired      bool         `avro:"expired" json:"expired" class:"PHI" from:"gracePeriodEndDate"`                  // somebody said that it ran out, and it stands
}

// Whether a member's premium is paid in part by advance tax credits.
const (
	AptcYes     = "YES"
	AptcNo      = "NO"
	AptcUnknown = "UNKNOWN" // nobody said: the policy for members without counts
)

// GraceInvoice is one invoice, and what follows for it.
type GraceInvoice struct {
	InvoiceID events.ID      `avro:"invoiceId" json:"invoiceId" class:"PHI"`
	Billed    *InvoiceBilled `avro:"billed" json:"billed,omitempty"`                             // nil: known only from what was said about it
	Corrected bool           `avro:"corrected" json:"corrected" class:"PUBLIC" from:"eventType"` // it was sent with different contents; the latest count
	Said      []GraceSaid    `avro:"said" json:"said"`                                           // in the order of a grace period's life

	DueOn           events.Date    `avro:"dueOn" json:"dueOn" class:"PHI" from:"dueDate"`
	Premium         events.Money   `avro:"premium" json:"premium" class:"PHI" from:"premiumCents"`
	Paid            events.Money   `avro:"paid" json:"paid" class:"PHI" from:"amountCents"`
	PaidOn          *events.Date   `avro:"paidOn" json:"paidOn,omitempty" class:"PHI" from:"receivedAt,dueDate"`             // when it was paid in full
	PaidProvisional bool           `avro:"paidProvisional" json:"paidProvisional" class:"PHI" from:"dueDate"`                // by money that came in and has not settled
	Missed          bool           `avro:"missed" json:"missed" class:"PHI" from:"dueDate"`                                  // not paid by DueOn, as far as is known
	OverdueAt       events.Instant `avro:"overdueAt" json:"overdueAt" class:"PHI" from:"dueDate"`                            // the first moment after DueOn
	GraceThrough    *events.Date   `avro:"graceThrough" json:"graceThrough,omitempty" class:"PHI" from:"gracePeriodEndDate"` // last day of the grace period that it is in
	GraceOverAt     events.Instant `avro:"graceOverAt" json:"graceOverAt,omitempty" class:"PHI" from:"gracePeriodEndDate"`   // the first moment after that
	Expires         bool           `avro:"expires" json:"expires" class:"PHI" from:"gracePeriodEndDate"`                     // not paid by GraceThrough, as far as is known
}

// InvoiceBilled is the latest of what Billing sent as this invoice.
type InvoiceBilled struct {
	ID           string         `avro:"id" json:"id" class:"PUBLIC"` // event identity
	At           events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"generatedAt,receivedAt,completedAt,activatedAt,terminatedAt"`
	PlanID       events.ID      `avro:"planId" json:"planId" class:"PUBLIC"`
	EnrollmentID *events.ID     `avro:"enrollmentId" json:"enrollmentId,omitempty" class:"PHI"`
	PeriodStart  events.Date    `avro:"periodStart" json:"periodStart" class:"PHI"`
	PeriodEnd    events.Date    `avro:"periodEnd" json:"periodEnd" class:"PHI"`
	DueOn        events.Date    `avro:"dueOn" json:"dueOn" class:"PHI" from:"dueDate"`
	Premium      events.Money   `avro:"premium" json:"premium" class:"PHI" from:"premiumCents"`
	Aptc         *events.Money  `avro:"aptc" json:"aptc,omitempty" class:"PII" from:"aptcCents,aptcAmount"`
}

// GraceSaid is what was said of an invoice in one type of event, by Billing or
// by us: it is one fact, whoever said it first. Nothing else in a row follows
// from it but Grace.Expired and, of what Billing said, all that does.
type GraceSaid struct {
	Type      events.Type    `avro:"type" json:"type" class:"PUBLIC" from:"eventType"`
	Revision  int32          `avro:"revision" json:"revision" class:"PUBLIC"`                   // of the latest; -1: only what takes it back came in
	TakenBack int32          `avro:"takenBack" json:"takenBack" class:"PUBLIC" from:"revision"` // revisions below this are void
	Through   *events.Date   `avro:"through" json:"through,omitempty" class:"PHI" from:"gracePeriodEndDate,dueDate"`
	Premium   events.Money   `avro:"premium" json:"premium" class:"PHI" from:"premiumCents"`
	MissedAt  events.Instant `avro:"missedAt" json:"missedAt" class:"PUBLIC"`
	Billing   *BillingSaid   `avro:"billing" json:"billing,omitempty"` // nil: Billing said nothing
}

// BillingSaid is what Billing said itself. It has the last word on dates, and
// what it takes back is not said again.
type BillingSaid struct {
	ID        string         `avro:"id" json:"id" class:"PUBLIC"`                               // event identity of the latest
	Revision  int32          `avro:"revision" json:"revision" class:"PUBLIC"`                   // -1: it only took something back
	TakenBack int32          `avro:"takenBack" json:"takenBack" class:"PUBLIC" from:"revision"` // revisions below this are void
	Through   *events.Date   `avro:"through" json:"through,omitempty" class:"PHI" from:"gracePeriodEndDate,dueDate"`
	Premium   events.Money   `avro:"premium" json:"premium" class:"PHI" from:"premiumCents"`
	MissedAt  events.Instant `avro:"missedAt" json:"missedAt" class:"PUBLIC"`
}

// Stands says whether what was said was not taken back.
func (s GraceSaid) Stands() bool { return s.Revision >= s.TakenBack }

// Stands says whether Billing still says so.
func (b *BillingSaid) Stands() bool { return b != nil && b.Revision >= b.TakenBack }

// Waived says whether Billing took it back, whoever said it.
func (b *BillingSaid) Waived() bool { return b != nil && b.Revision < b.TakenBack }

// GracePayment is money that came in, or that was applied to an invoice.
type GracePayment struct {
	PaymentID events.ID      `avro:"paymentId" json:"paymentId" class:"BANK"`
	InvoiceID *events.ID     `avro:"invoiceId" json:"invoiceId,omitempty" class:"PHI"` // nil: not applied
	Completed bool           `avro:"completed" json:"completed" class:"PUBLIC" from:"eventType"`
	Amount    events.Money   `avro:"amount" json:"amount" class:"PHI" from:"amountCents"`
	At        events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"generatedAt,receivedAt,completedAt,activatedAt,terminatedAt"`
	ID        string         `avro:"id" json:"id" class:"PUBLIC"` // event identity
}

// GraceEnrollment is what is known of one enrolment of the member.
type GraceEnrollment struct {
	EnrollmentID events.ID      `avro:"enrollmentId" json:"enrollmentId" class:"PHI"`
	Activated    *GraceCoverage `avro:"activated" json:"activated,omitempty"`
	Terminated   *GraceCoverage `avro:"terminated" json:"terminated,omitempty"`
}

// GraceCoverage is the latest word on an enrolment's beginning or end.
type GraceCoverage struct {
	ID         string         `avro:"id" json:"id" class:"PUBLIC"`
	At         events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"generatedAt,receivedAt,completedAt,activatedAt,terminatedAt"`
	PlanID     events.ID      `avro:"planId" json:"planId" class:"PUBLIC"`
	On         events.Date    `avro:"on" json:"on" class:"PHI" from:"effectiveDate,terminationDate"`      // first day, or last day, of coverage
	Aptc       *events.Money  `avro:"aptc" json:"aptc,omitempty" class:"PII" from:"aptcCents,aptcAmount"` // for a month; nil: not known
	NonPayment bool           `avro:"nonPayment" json:"nonPayment" class:"PHI" from:"terminationReason"`  // why it ended
}

// GraceFolded counts invoices that are closed and too old to be kept.
type GraceFolded struct {
	Invoices    int32        `avro:"invoices" json:"invoices" class:"PUBLIC" from:"eventType"`
	Through     *events.Date `avro:"through" json:"through,omitempty" class:"PHI" from:"dueDate"`           // latest due date of them
	PaidThrough *events.Date `avro:"paidThrough" json:"paidThrough,omitempty" class:"PHI" from:"periodEnd"` // last day of coverage that they paid
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
			if s.Billing != nil {
				ids = append(ids, s.Billing.ID)
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
		for _, d := range i.Deadlines() {
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
