// This file answers: what happened to a member's premiums?

package processors

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// Bounds of one member's row. What comes after is parked, not lost.
const (
	maxGraceInvoices   = 100 // open ones: of closed ones the oldest are folded
	maxPaymentsInvoice = 50  // of one invoice
	maxPaymentsLoose   = 200 // of invoices that nobody has sent
	maxEnrollments     = 50
)

// Reason codes of the folds of grace periods.
const (
	TooManyInvoices    = "TOO_MANY_INVOICES"
	TooManyPayments    = "TOO_MANY_PAYMENTS"
	TooManyEnrollments = "TOO_MANY_ENROLLMENTS"
	InvoiceTooOld      = "INVOICE_TOO_OLD" // as old as those that are only counted
)

// FoldInvoiceGenerated records that a premium is owed.
func FoldInvoiceGenerated(row tables.GracePeriods, rec topology.Record[events.InvoiceGenerated], p GracePolicies) (tables.GracePeriods, []topology.Output) {
	e := rec.Body
	b := tables.InvoiceBilled{ID: rec.ID(), At: e.GeneratedAt, PlanID: e.PlanID, EnrollmentID: e.EnrollmentID,
		PeriodStart: e.PeriodStart, PeriodEnd: e.PeriodEnd, DueOn: e.DueDate, Premium: e.PremiumCents.Money()}
	if e.APTCCents != nil {
		aptc := e.APTCCents.Money()
		b.Aptc = &aptc
	}
	return graceAfter(row, rec.Key, e.GeneratedAt, p, func(next *tables.GracePeriods) *topology.Reject {
		i, reject := graceInvoice(next, e.InvoiceID, e.DueDate)
		if reject != nil {
			return reject
		}
		if old := i.Billed; old != nil {
			i.Corrected = i.Corrected || !sameInvoice(*old, b)
			if cmp.Or(cmp.Compare(old.At, b.At), cmp.Compare(old.ID, b.ID)) >= 0 {
				return nil
			}
		}
		i.Billed = &b
		return nil
	})
}

// sameInvoice says whether two say the same, whenever they were sent.
func sameInvoice(a, b tables.InvoiceBilled) bool {
	return a.PlanID == b.PlanID && equal(a.EnrollmentID, b.EnrollmentID) && a.PeriodStart == b.PeriodStart && a.PeriodEnd == b.PeriodEnd &&
		a.DueOn == b.DueOn && a.Premium == b.Premium && equal(a.Aptc, b.Aptc)
}

func equal[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// FoldPaymentReceived records money that came in. When it did decides whether
// it was on time, also where it settles later.
func FoldPaymentReceived(row tables.GracePeriods, rec topology.Record[events.PaymentReceived], p GracePolicies) (tables.GracePeriods, []topology.Output) {
	e := rec.Body
	return addPayment(row, rec.Key, p, tables.GracePayment{PaymentID: e.PaymentID, InvoiceID: e.InvoiceID, Amount: e.AmountCents.Money(), At: e.ReceivedAt, ID: rec.ID()})
}

// FoldPaymentCompleted records money that settled and is applied to an invoice.
func FoldPaymentCompleted(row tables.GracePeriods, rec topology.Record[events.PaymentCompleted], p GracePolicies) (tables.GracePeriods, []topology.Output) {
	e := rec.Body
	return addPayment(row, rec.Key, p, tables.GracePayment{PaymentID: e.PaymentID, InvoiceID: &e.InvoiceID, Completed: true, Amount: e.AmountCents.Money(), At: e.CompletedAt, ID: rec.ID()})
}

// addPayment keeps, of each payment, invoice and kind, the latest line: it
// corrects those before it.
func addPayment(row tables.GracePeriods, key string, p GracePolicies, line tables.GracePayment) (tables.GracePeriods, []topology.Output) {
	return graceAfter(row, key, line.At, p, func(next *tables.GracePeriods) *topology.Reject {
		at, there := slices.BinarySearchFunc(next.Payments, line, comparePayments)
		if there {
			if old := next.Payments[at]; cmp.Or(cmp.Compare(line.At, old.At), cmp.Compare(line.ID, old.ID)) > 0 {
				next.Payments[at] = line
			}
			return nil
		}
		if tooManyPayments(next, line.InvoiceID) {
			return &topology.Reject{ReasonCode: TooManyPayments, Reason: "the invoice, or what is known of none, has as many payments as a row keeps"}
		}
		next.Payments = slices.Insert(next.Payments, at, line)
		return nil
	})
}

func tooManyPayments(row *tables.GracePeriods, invoice *events.ID) bool {
	known := map[events.ID]bool{}
	for _, i := range row.Invoices {
		known[i.InvoiceID] = true
	}
	loose := invoice == nil || !known[*invoice]
	n := 0
	for _, line := range row.Payments {
		if loose && (line.InvoiceID == nil || !known[*line.InvoiceID]) || !loose && equal(line.InvoiceID, invoice) {
			n++
		}
	}
	return loose && n >= maxPaymentsLoose || !loose && n >= maxPaymentsInvoice
}

func comparePayments(a, b tables.GracePayment) int {
	invoice := func(p tables.GracePayment) string {
		if p.InvoiceID == nil {
			return ""
		}
		return string(*p.InvoiceID)
	}
	kind := map[bool]int{true: 1}
	return cmp.Or(cmp.Compare(a.PaymentID, b.PaymentID), cmp.Compare(invoice(a), invoice(b)), kind[a.Completed]-kind[b.Completed])
}

// FoldEnrollmentActivated records that coverage begins, and whether tax credits
// are known to pay for it.
func FoldEnrollmentActivated(row tables.GracePeriods, rec topology.Record[events.EnrollmentActivated], p GracePolicies) (tables.GracePeriods, []topology.Output) {
	e := rec.Body
	return addCoverage(row, rec.Key, e.EnrollmentID, p, false, tables.GraceCoverage{ID: rec.ID(), At: e.ActivatedAt, PlanID: e.PlanID, On: e.EffectiveDate, Aptc: e.APTCAmount})
}

// FoldEnrollmentTerminated records that coverage ends.
func FoldEnrollmentTerminated(row tables.GracePeriods, rec topology.Record[events.EnrollmentTerminated], p GracePolicies) (tables.GracePeriods, []topology.Output) {
	e := rec.Body
	return addCoverage(row, rec.Key, e.EnrollmentID, p, true, tables.GraceCoverage{ID: rec.ID(), At: e.TerminatedAt, PlanID: e.PlanID, On: e.TerminationDate, Aptc: e.APTCAmount,
		NonPayment: e.TerminationReason != nil && *e.TerminationReason == events.NonPayment})
}

func addCoverage(row tables.GracePeriods, key string, enrollment events.ID, p GracePolicies, ends bool, c tables.GraceCoverage) (tables.GracePeriods, []topology.Output) {
	if c.Aptc != nil && *c.Aptc < 0 {
		return row, rejected(events.InvalidValue, "/aptcAmount", "0.00 or more")
	}
	return graceAfter(row, key, c.At, p, func(next *tables.GracePeriods) *topology.Reject {
		at, there := slices.BinarySearchFunc(next.Enrollments, enrollment, func(e tables.GraceEnrollment, id events.ID) int { return cmp.Compare(e.EnrollmentID, id) })
		if !there {
			if len(next.Enrollments) >= maxEnrollments {
				return &topology.Reject{ReasonCode: TooManyEnrollments, At: "/enrollmentId", Reason: "the member has 50 enrolments already"}
			}
			next.Enrollments = slices.Insert(next.Enrollments, at, tables.GraceEnrollment{EnrollmentID: enrollment})
		}
		word := &next.Enrollments[at].Activated
		if ends {
			word = &next.Enrollments[at].Terminated
		}
		if old := *word; old == nil || cmp.Or(cmp.Compare(c.At, old.At), cmp.Compare(c.ID, old.ID)) > 0 {
			*word = &c
		}
		return nil
	})
}

// graceAfter is the row with one more fact, and what it proves wrong. Everything
// follows anew, also where the fact was there: policies may have changed.
func graceAfter(row tables.GracePeriods, key string, at events.Instant, p GracePolicies, put func(*tables.GracePeriods) *topology.Reject) (tables.GracePeriods, []topology.Output) {
	next := copyOfGrace(row)
	next.MemberID = events.ID(key)
	if reject := put(&next); reject != nil {
		return row, []topology.Output{{Key: key, Value: *reject}}
	}
	next.LastAt = max(next.LastAt, at)
	next = settleGrace(next, p)
	next, out := takeBack(next, p)
	return foldOld(next, p), out
}

func copyOfGrace(row tables.GracePeriods) tables.GracePeriods {
	row.Invoices, row.Payments, row.Enrollments = slices.Clone(row.Invoices), slices.Clone(row.Payments), slices.Clone(row.Enrollments)
	for n := range row.Invoices {
		row.Invoices[n].Said = slices.Clone(row.Invoices[n].Said)
	}
	return row
}

// graceInvoice finds an invoice, or makes it.
func graceInvoice(row *tables.GracePeriods, id events.ID, due events.Date) (*tables.GraceInvoice, *topology.Reject) {
	for n := range row.Invoices {
		if row.Invoices[n].InvoiceID == id {
			return &row.Invoices[n], nil
		}
	}
	switch {
	case row.Folded.Through != nil && due <= *row.Folded.Through:
		return nil, &topology.Reject{ReasonCode: InvoiceTooOld, At: "/invoiceId", Reason: "it fell due when those did that are only counted by now"}
	case len(row.Invoices) >= maxGraceInvoices:
		return nil, &topology.Reject{ReasonCode: TooManyInvoices, At: "/invoiceId", Reason: "the member has 100 open invoices already"}
	}
	row.Invoices = append(row.Invoices, tables.GraceInvoice{InvoiceID: id, DueOn: due, Said: []tables.GraceSaid{}})
	return &row.Invoices[len(row.Invoices)-1], nil
}
