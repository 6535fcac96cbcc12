// This file answers: which payments left the plan for a claim.

package processors

import (
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// authority orders those who record payments, the one that counts most last.
var authority = []string{events.RecordedByClaims, events.RecordedByUnknown, events.RecordedByBilling}

// payment is one paymentId: the line that counts, and whether others disagree.
type payment struct {
	id       events.ID
	best     tables.ClaimFact
	disputed bool
}

// paymentsOf takes Billing's line of each payment where it recorded it, else
// what somebody else recorded. Of one recorder the latest line counts: it
// corrects those before it.
func paymentsOf(f claimFacts) (payments []payment) {
	if len(f.paid) == 0 {
		return nil
	}
	type line struct {
		id events.ID
		by string
	}
	said, seen := map[line]tables.ClaimFact{}, map[events.ID]bool{}
	for _, p := range f.paid {
		by := *p.RecordedBy
		if !slices.Contains(authority, by) {
			by = events.RecordedByUnknown
		}
		said[line{*p.PaymentID, by}] = p
		if !seen[*p.PaymentID] {
			seen[*p.PaymentID], payments = true, append(payments, payment{id: *p.PaymentID})
		}
	}
	for i := range payments {
		p := &payments[i]
		for _, by := range authority {
			if l, ok := said[line{p.id, by}]; ok {
				p.disputed = p.disputed || p.best.Paid != nil && *p.best.Paid != *l.Paid
				p.best = l
			}
		}
	}
	return payments
}

// settlePayments adds up all payments. A sum that Billing did not record whole
// is provisional.
func settlePayments(row *tables.ClaimStatus, f claimFacts) {
	for _, p := range paymentsOf(f) {
		if p.disputed {
			row.Marks = append(row.Marks, MarkPaymentDisagrees)
		}
		if sum := total(p.best.Paid, orZero(row.Paid)); sum != nil {
			row.Paid = sum
		} else {
			row.Marks = append(row.Marks, MarkAmountsDoNotAddUp)
		}
		row.PaidProvisional = row.PaidProvisional || *p.best.RecordedBy != events.RecordedByBilling
	}
}
