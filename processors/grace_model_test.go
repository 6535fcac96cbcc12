package processors_test

import (
	"fmt"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// debt is one invoice in the model.
type debt struct{ bill events.InvoiceGenerated }

// graceModel says what stands said at a time, from the facts known then. It knows
// nothing of rows: it goes through the days of New York one by one.
func graceModel(facts []topology.Event, now time.Time) map[string]bool {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	debts := map[events.ID]debt{}
	for _, f := range facts {
		if b, ok := f.(events.InvoiceGenerated); ok {
			if old, there := debts[b.InvoiceID]; !there || b.GeneratedAt >= old.bill.GeneratedAt {
				debts[b.InvoiceID] = debt{b}
			}
		}
	}
	y, m, d := now.In(newYork).Date()
	today := events.DateOf(time.Date(y, m, d, 0, 0, 0, 0, time.UTC))
	said := map[string]bool{}
	in := map[events.ID]bool{} // invoices of the grace period that runs; nil: none
	var end events.Date
	running := false
	for at := day("2025-12-01"); at <= today; at++ {
		if running && at > end {
			for id := range in {
				if !debts[id].paidBy(facts, end) {
					said[fmt.Sprintf("%s %s %s", string(id), events.TypeGracePeriodExpired, end)] = true
				}
			}
			running = false
		}
		if running && all(in, func(id events.ID) bool { return debts[id].paidBy(facts, at-1) }) {
			running = false
		}
		for _, id := range overdueFrom(debts, facts, at) {
			if !running {
				running, in, end = true, map[events.ID]bool{}, debts[id].graceEnd(at)
			}
			in[id] = true
			said[fmt.Sprintf("%s %s -", string(id), events.TypePaymentMissed)] = true
			// Which end was said: that of the grace period that it is in.
			said[fmt.Sprintf("%s %s %s", string(id), events.TypeGracePeriodStarted, end)] = true
		}
	}
	return said
}

// overdueFrom are the invoices whose due date was the day before, unpaid, in
// the order of ids.
func overdueFrom(debts map[events.ID]debt, facts []topology.Event, at events.Date) (out []events.ID) {
	for _, id := range []events.ID{"i1", "i2", "i3", "i4"} {
		if d, there := debts[id]; there && d.bill.DueDate+1 == at && !d.paidBy(facts, at-1) {
			out = append(out, id)
		}
	}
	return out
}

func (d debt) graceEnd(from events.Date) events.Date {
	if d.bill.APTCCents == nil || *d.bill.APTCCents == 0 {
		return from + 29
	}
	t := from.Time()
	third := time.Date(t.Year(), t.Month()+3, t.Day(), 0, 0, 0, 0, time.UTC)
	if third.Day() != t.Day() { // the month is shorter: Go went on into the next
		third = time.Date(third.Year(), third.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return events.DateOf(third) - 1
}

// paidBy adds up what had come in by a day.
func (d debt) paidBy(facts []topology.Event, by events.Date) bool {
	type word struct {
		cents events.Cents
		at    events.Instant
	}
	received, completed, settled := map[[2]events.ID]word{}, map[[2]events.ID]word{}, map[events.ID]bool{}
	first := map[events.ID]events.Instant{}
	for _, f := range facts {
		switch e := f.(type) {
		case events.PaymentReceived:
			to := events.ID("")
			if e.InvoiceID != nil {
				to = *e.InvoiceID
			}
			if old, there := received[[2]events.ID{e.PaymentID, to}]; !there || e.ReceivedAt >= old.at {
				received[[2]events.ID{e.PaymentID, to}] = word{e.AmountCents, e.ReceivedAt}
			}
		case events.PaymentCompleted:
			settled[e.PaymentID] = true
			if old, there := completed[[2]events.ID{e.PaymentID, e.InvoiceID}]; !there || e.CompletedAt >= old.at {
				completed[[2]events.ID{e.PaymentID, e.InvoiceID}] = word{e.AmountCents, e.CompletedAt}
			}
		}
	}
	for k, w := range received {
		if at, there := first[k[0]]; !there || w.at < at {
			first[k[0]] = w.at
		}
	}
	var sum events.Cents
	add := func(lines map[[2]events.ID]word, ofSettled bool) {
		for k, w := range lines {
			if k[1] != d.bill.InvoiceID || settled[k[0]] != ofSettled {
				continue
			}
			at := w.at
			if came, there := first[k[0]]; there {
				at = min(at, came)
			}
			if events.DateOf(at.Time()) <= by {
				sum += w.cents
			}
		}
	}
	add(received, false)
	add(completed, true)
	return sum >= d.bill.PremiumCents
}

func all(ids map[events.ID]bool, ok func(events.ID) bool) bool {
	for id := range ids {
		if !ok(id) {
			return false
		}
	}
	return true
}
