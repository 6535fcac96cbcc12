// This file answers: which invoices are so old that they are only counted?

package processors

import (
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// keptClosed is how many closed invoices a row keeps: two years of months, as
// long as claims for services of a month may still come in.
const keptClosed = 24

// foldOld counts the oldest closed invoices beyond keptClosed, and forgets
// their facts: those that were paid, or whose grace period is said to have run
// out. An open one holds back all that fell due after it, and a grace period
// goes as a whole.
func foldOld(row tables.GracePeriods, p GracePolicies) tables.GracePeriods {
	closed := 0
	for _, i := range row.Invoices {
		if isClosed(i) {
			closed++
		}
	}
	for closed > keptClosed {
		n := oldest(row)
		if n == 0 || n > closed-keptClosed {
			return row
		}
		closed -= n
		row = forget(row, n)
		row = settleGrace(row, p)
	}
	return row
}

func isClosed(i tables.GraceInvoice) bool {
	return i.Billed != nil && (i.PaidOn != nil || i.Stands(events.TypeGracePeriodExpired))
}

// oldest is how many invoices go together: the first, and those up to the last
// of its grace period; 0 where one of them is open.
func oldest(row tables.GracePeriods) (n int) {
	for n = 1; n < len(row.Invoices); n++ {
		if !slices.ContainsFunc(row.Graces, func(g tables.Grace) bool {
			return slices.ContainsFunc(row.Invoices[:n], func(i tables.GraceInvoice) bool { return slices.Contains(g.Invoices, i.InvoiceID) }) &&
				slices.ContainsFunc(row.Invoices[n:], func(i tables.GraceInvoice) bool { return slices.Contains(g.Invoices, i.InvoiceID) })
		}) {
			break
		}
	}
	if slices.ContainsFunc(row.Invoices[:n], func(i tables.GraceInvoice) bool { return !isClosed(i) }) {
		return 0
	}
	return n
}

func forget(row tables.GracePeriods, n int) tables.GracePeriods {
	gone := map[events.ID]bool{}
	for _, i := range row.Invoices[:n] {
		gone[i.InvoiceID] = true
		row.Folded.Invoices++
		due, end := i.DueOn, i.Billed.PeriodEnd
		if row.Folded.Through == nil || due > *row.Folded.Through {
			row.Folded.Through = &due
		}
		if i.PaidOn != nil && (row.Folded.PaidThrough == nil || end > *row.Folded.PaidThrough) {
			row.Folded.PaidThrough = &end
		}
	}
	row.Invoices = slices.Clone(row.Invoices[n:])
	used, applied := map[events.ID]bool{}, map[events.ID]bool{}
	for _, line := range row.Payments {
		kept := line.InvoiceID != nil && !gone[*line.InvoiceID]
		used[line.PaymentID] = used[line.PaymentID] || kept
		applied[line.PaymentID] = applied[line.PaymentID] || line.InvoiceID != nil
	}
	row.Payments = slices.DeleteFunc(slices.Clone(row.Payments), func(line tables.GracePayment) bool {
		return line.InvoiceID != nil && gone[*line.InvoiceID] || line.InvoiceID == nil && applied[line.PaymentID] && !used[line.PaymentID]
	})
	return row
}
