// This file answers: what is to be said about a member's premiums that nobody
// has said, and what was said that proved wrong?

package processors

import (
	"slices"
	"strconv"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// graceLife orders what is said of an invoice as its grace period goes.
var graceLife = []events.Type{events.TypePaymentMissed, events.TypeGracePeriodStarted, events.TypeGracePeriodExpired}

// graceSource is where our words come from, as the metadata name it.
const graceSource = "grace-periods"

// GraceEventID is the identity of what is said of an invoice in a type of
// event: the same for everybody who says it, and another for each time that it
// was said and taken back before.
func GraceEventID(member, invoice events.ID, t events.Type, revision int32) string {
	what := string(t)
	if revision > 0 {
		what += "\x00" + strconv.Itoa(int(revision))
	}
	return topology.UUIDv5("billing.payment.missed", string(member), []byte(string(invoice)+"\x00"+what))
}

// FoldPaymentMissed records what was said of an invoice. Our own words come
// back here too, and change nothing but what is known to have been said.
func FoldPaymentMissed(row tables.GracePeriods, rec topology.Record[events.PaymentMissed], p GracePolicies) (tables.GracePeriods, []topology.Output) {
	e, at := rec.Body, rec.Body.MissedAt
	word := tables.BillingSaid{ID: rec.ID(), Through: e.GraceEnds, Premium: e.PremiumCents.Money(), MissedAt: e.MissedAt}
	if e.Revision != nil {
		word.Revision = *e.Revision
	}
	ours := word.ID == GraceEventID(e.MemberID, e.InvoiceID, e.Type, word.Revision)
	if ours {
		at = 0
		if forgotten(row, e.InvoiceID, e.MissedAt) {
			return row, []topology.Output{{Value: topology.Dropped{Code: InvoiceTooOld}}}
		}
	}
	return graceAfter(row, rec.Key, at, p, func(next *tables.GracePeriods) *topology.Reject {
		due := tables.DayIn(e.MissedAt, tables.DefaultGracePolicy.Location())
		i, reject := graceInvoice(next, e.InvoiceID, due)
		if reject != nil {
			return reject
		}
		said, back := e.Type.Retracts()
		if !back {
			said = e.Type
		}
		s := wordOn(i, said)
		if back {
			s.takenBack(word, ours)
		} else {
			s.said(word, ours)
		}
		return nil
	})
}

// forgotten says whether an invoice is only counted by now.
func forgotten(row tables.GracePeriods, id events.ID, missedAt events.Instant) bool {
	known := slices.ContainsFunc(row.Invoices, func(i tables.GraceInvoice) bool { return i.InvoiceID == id })
	return !known && row.Folded.Through != nil && tables.DayIn(missedAt, time.UTC) <= *row.Folded.Through
}

// takeBack takes back what was said and does not hold, the latest first. What
// Billing said is taken back where facts prove it wrong; a date that differs
// from ours stands. Of an invoice that nobody has sent nothing is known to be
// wrong.
func takeBack(row tables.GracePeriods, p GracePolicies) (tables.GracePeriods, []topology.Output) {
	var out []topology.Output
	for n := range row.Invoices {
		i := &row.Invoices[n]
		if i.Billed == nil {
			continue
		}
		holds := map[events.Type]tables.GraceDeadline{}
		for _, d := range i.Deadlines() {
			holds[d.Type] = d
		}
		for at := len(i.Said) - 1; at >= 0; at-- {
			s := spoken{&i.Said[at]}
			d, ok := holds[s.Type]
			if !s.Stands() || ok && (s.Billing.Stands() || equal(s.Through, d.Through) && s.MissedAt == lastMoment(i.OverdueAt)) {
				continue
			}
			out = append(out, graceWord(row.MemberID, i.InvoiceID, s.Type.Retraction(), *s.GraceSaid))
			s.TakenBack = s.Revision + 1
		}
	}
	if len(out) > 0 {
		row = settleGrace(row, p) // what stood may not stand any more
	}
	return row, out
}

// WakeGrace says what holds by now and nobody has said. Policies may have
// changed since the row was last folded: it follows them first.
func WakeGrace(row tables.GracePeriods, w topology.Waking) (tables.GracePeriods, []topology.Output) {
	p, _ := w.Pinned.(GracePolicies)
	next, out := takeBack(settleGrace(copyOfGrace(row), p), p)
	now := events.InstantOf(w.Clock)
	for n := range next.Invoices {
		i := &next.Invoices[n]
		for _, d := range i.Deadlines() {
			if d.At > now || i.Stands(d.Type) {
				continue
			}
			s := wordOn(i, d.Type)
			s.is(tables.BillingSaid{Revision: s.TakenBack, Through: d.Through, Premium: i.Premium, MissedAt: lastMoment(i.OverdueAt)})
			out = append(out, graceWord(next.MemberID, i.InvoiceID, d.Type, *s.GraceSaid))
		}
	}
	return foldOld(settleGrace(next, p), p), out
}

// lastMoment is the last second of the day before, as the catalogue's sample
// has it.
func lastMoment(overdue events.Instant) events.Instant { return overdue - 1_000_000 }

func graceWord(member, invoice events.ID, t events.Type, s tables.GraceSaid) topology.Output {
	e := events.PaymentMissed{Type: t, SchemaVersion: "1.0", MemberID: member, InvoiceID: invoice, GraceEnds: s.Through,
		PremiumCents: events.Cents(s.Premium), MissedAt: s.MissedAt}
	if s.Revision > 0 {
		e.Revision = &s.Revision
	}
	return topology.Output{Key: string(member), Value: e, Headers: []topology.Header{
		{Key: topology.HeaderID, Value: []byte(GraceEventID(member, invoice, t, s.Revision))},
		{Key: "ce_source", Value: []byte(graceSource)},
	}}
}
