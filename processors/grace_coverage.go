// This file answers: what do enrolments say about an invoice?

package processors

import (
	"payerflow/events"
	"payerflow/tables"
)

// enrolled are the enrolments that an invoice bills: the one that it names,
// else those of its plan.
func enrolled(row *tables.GracePeriods, b tables.InvoiceBilled) (out []tables.GraceEnrollment) {
	for _, e := range row.Enrollments {
		named := b.EnrollmentID != nil && *b.EnrollmentID == e.EnrollmentID
		ofPlan := b.EnrollmentID == nil && (e.Activated != nil && e.Activated.PlanID == b.PlanID || e.Terminated != nil && e.Terminated.PlanID == b.PlanID)
		if named || ofPlan {
			out = append(out, e)
		}
	}
	return out
}

// coverageEnd is the last day of what an invoice bills, nil where no end is
// known, and whether it ended because premiums were not paid. An enrolment that
// was activated after its end was told is in force again.
func coverageEnd(row *tables.GracePeriods, i tables.GraceInvoice) (last *events.Date, unpaid bool) {
	for _, e := range enrolled(row, *i.Billed) {
		if e.Terminated == nil || e.Activated != nil && e.Activated.At > e.Terminated.At {
			return nil, false
		}
		if on := e.Terminated.On; last == nil || on > *last {
			last, unpaid = &on, e.Terminated.NonPayment
		}
	}
	return last, unpaid
}

// aptcOf says whether tax credits pay a part of an invoice: as it says itself,
// else as the latest word on its enrolment says.
func aptcOf(row *tables.GracePeriods, i tables.GraceInvoice) string {
	known := i.Billed.Aptc
	if known == nil {
		var at events.Instant
		for _, e := range enrolled(row, *i.Billed) {
			for _, c := range []*tables.GraceCoverage{e.Activated, e.Terminated} {
				if c != nil && c.Aptc != nil && (known == nil || c.At > at || c.At == at && *c.Aptc > *known) {
					known, at = c.Aptc, c.At
				}
			}
		}
	}
	switch {
	case known == nil:
		return tables.AptcUnknown
	case *known > 0:
		return tables.AptcYes
	}
	return tables.AptcNo
}
