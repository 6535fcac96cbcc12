// This file answers: what follows from the facts about a member's premiums?

package processors

import (
	"cmp"
	"slices"
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// Contradictions between the facts about premiums, and what is not known.
const (
	MarkPaidMoreThanDue   = "PAID_MORE_THAN_DUE"
	MarkUnknownInvoice    = "INVOICE_UNKNOWN"   // paid or missed, and nobody has sent it
	MarkPaymentUnapplied  = "PAYMENT_UNAPPLIED" // money that names no invoice
	MarkInvoiceCorrected  = "INVOICE_CORRECTED" // sent again with other contents
	MarkGraceEndDiffers   = "GRACE_END_DIFFERS" // Billing names another than the policy
	MarkGraceEndsBefore   = "GRACE_ENDS_BEFORE_IT_STARTS"
	MarkBillingDisagrees  = "BILLING_DISAGREES" // it says that a premium was missed which was paid on time
	MarkBillingTookBack   = "BILLING_TOOK_BACK" // what follows from dates is not said
	MarkTerminatedInGrace = "TERMINATED_IN_GRACE"
	MarkAptcUnknown       = "APTC_UNKNOWN" // a grace period runs by the policy for members without credits
)

// settleGrace works out all of a row but its facts.
func settleGrace(row tables.GracePeriods, p GracePolicies) tables.GracePeriods {
	row.Marks = []string{}
	mark := func(when bool, m string) {
		if when {
			row.Marks = append(row.Marks, m)
		}
	}
	settleMoney(&row, p, mark)
	slices.SortFunc(row.Invoices, func(a, b tables.GraceInvoice) int {
		return cmp.Or(cmp.Compare(a.DueOn, b.DueOn), cmp.Compare(a.InvoiceID, b.InvoiceID))
	})
	sweepGrace(&row, p, mark)
	settleThrough(&row)
	slices.Sort(row.Marks)
	row.Marks = slices.Compact(row.Marks)
	return row
}

// settleMoney works out what each invoice asks for, and when it was paid.
func settleMoney(row *tables.GracePeriods, p GracePolicies, mark func(bool, string)) {
	known, came := map[events.ID]bool{}, arrivals(row.Payments)
	for n := range row.Invoices {
		i := &row.Invoices[n]
		*i = tables.GraceInvoice{InvoiceID: i.InvoiceID, Billed: i.Billed, Corrected: i.Corrected, Said: i.Said, DueOn: i.DueOn}
		zone := owed(i, p)
		i.OverdueAt = tables.FirstMoment(i.DueOn+1, zone)
		known[i.InvoiceID] = i.Billed != nil
		pay(i, came[i.InvoiceID], zone)
		mark(i.Billed == nil, MarkUnknownInvoice)
		mark(i.Corrected, MarkInvoiceCorrected)
		mark(i.Billed != nil && i.Paid > i.Premium, MarkPaidMoreThanDue)
	}
	applied := map[events.ID]bool{}
	for _, line := range row.Payments {
		applied[line.PaymentID] = applied[line.PaymentID] || line.InvoiceID != nil
		mark(line.InvoiceID != nil && !known[*line.InvoiceID], MarkUnknownInvoice)
	}
	for _, line := range row.Payments {
		mark(!applied[line.PaymentID], MarkPaymentUnapplied)
	}
}

// owed fills in due date and premium, as Billing sent them, else as was said
// when they were missed, and gives the zone of the plan's days.
func owed(i *tables.GraceInvoice, p GracePolicies) *time.Location {
	if b := i.Billed; b != nil {
		i.DueOn, i.Premium = b.DueOn, b.Premium
		return p.For(b.PlanID, b.DueOn+1).Location()
	}
	zone := tables.DefaultGracePolicy.Location()
	for _, s := range i.Said {
		if said := s.Billing; said != nil {
			i.DueOn, i.Premium = tables.DayIn(said.MissedAt, zone), said.Premium
			return zone
		}
	}
	for _, s := range i.Said {
		i.DueOn, i.Premium = tables.DayIn(s.MissedAt, zone), s.Premium
	}
	return zone
}

// arrival is money for an invoice, and when it came in.
type arrival struct {
	at          events.Instant
	amount      events.Money
	provisional bool
}

// pay adds up what was paid on an invoice: of a payment that settled what was
// applied to it, else what came in for it. When it came in counts.
func pay(i *tables.GraceInvoice, came []arrival, zone *time.Location) {
	slices.SortFunc(came, func(a, b arrival) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.amount, b.amount)) })
	if i.Premium == 0 && i.Billed != nil {
		i.PaidOn = &i.Billed.PeriodStart
		if due := i.DueOn; due < *i.PaidOn {
			i.PaidOn = &due
		}
	}
	for _, a := range came {
		sum, ok := i.Paid.Add(a.amount)
		if !ok {
			sum = events.MaxMoney
		}
		i.PaidProvisional = i.PaidProvisional || a.provisional
		if i.Paid = sum; i.PaidOn == nil && i.Paid >= i.Premium {
			day := tables.DayIn(a.at, zone)
			i.PaidOn = &day
		}
	}
}

// arrivals are all money by invoice; of a payment that settled only what it was
// applied to.
func arrivals(lines []tables.GracePayment) map[events.ID][]arrival {
	came := make(map[events.ID][]arrival, len(lines))
	for from := 0; from < len(lines); {
		to := from
		received, completed := events.Instant(0), false
		for ; to < len(lines) && lines[to].PaymentID == lines[from].PaymentID; to++ {
			completed = completed || lines[to].Completed
			if at := lines[to].At; !lines[to].Completed && (received == 0 || at < received) {
				received = at
			}
		}
		for _, line := range lines[from:to] {
			if line.InvoiceID == nil || completed != line.Completed {
				continue
			}
			at := line.At
			if received != 0 {
				at = min(at, received)
			}
			came[*line.InvoiceID] = append(came[*line.InvoiceID], arrival{at, line.Amount, !completed})
		}
		from = to
	}
	return came
}

// settleThrough says through which day coverage is paid without a gap, and
// when the latest grace period ends.
func settleThrough(row *tables.GracePeriods) {
	row.PaidThrough, row.GraceEndsOn = row.Folded.PaidThrough, nil
	for _, i := range row.Invoices {
		if i.Billed == nil {
			continue
		}
		if i.PaidOn == nil {
			break
		}
		if end := i.Billed.PeriodEnd; row.PaidThrough == nil || end > *row.PaidThrough {
			row.PaidThrough = &end
		}
	}
	if n := len(row.Graces); n > 0 && row.Graces[n-1].CuredOn == nil && !row.Graces[n-1].Open {
		last := row.Graces[n-1]
		row.GraceEndsOn = &last.Through
		if last.TerminatedOn != nil {
			row.GraceEndsOn = last.TerminatedOn
		}
	}
}
