package processors_test

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const memberID = "member-1"

// premiumFact is one event about a member's premiums, with its identity.
type premiumFact struct {
	id   string
	body topology.Event
}

// day is a calendar day.
func day(text string) (d events.Date) {
	if err := d.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return d
}

// noon is in the middle of a day in New York.
func noon(d events.Date) events.Instant { return events.InstantOf(d.Time().Add(17 * time.Hour)) }

func invoiced(id string, due events.Date, premium events.Cents, aptc *events.Cents) events.InvoiceGenerated {
	return events.InvoiceGenerated{Type: events.TypeInvoiceGenerated, SchemaVersion: "1.0", InvoiceID: events.ID(id), MemberID: memberID, PlanID: "plan",
		PeriodStart: due + 1, PeriodEnd: due + 30, PremiumCents: premium, DueDate: due, GeneratedAt: noon(due - 20), APTCCents: aptc}
}

func moneyIn(id, invoice string, cents events.Cents, on events.Date) events.PaymentReceived {
	e := events.PaymentReceived{Type: events.TypePaymentReceived, SchemaVersion: "1.0", PaymentID: events.ID(id), MemberID: memberID, AmountCents: cents, ReceivedAt: noon(on)}
	if invoice != "" {
		e.InvoiceID = some(events.ID(invoice))
	}
	return e
}

func moneySettled(id, invoice string, cents events.Cents, on events.Date) events.PaymentCompleted {
	return events.PaymentCompleted{Type: events.TypePaymentCompleted, SchemaVersion: "1.0", PaymentID: events.ID(id), MemberID: memberID,
		InvoiceID: events.ID(invoice), AmountCents: cents, CompletedAt: noon(on)}
}

func missedBy(invoice string, t events.Type, due events.Date, end *events.Date) events.PaymentMissed {
	return events.PaymentMissed{Type: t, SchemaVersion: "1.0", MemberID: memberID, InvoiceID: events.ID(invoice), GraceEnds: end, PremiumCents: 100, MissedAt: noon(due)}
}

func foldPremium(row tables.GracePeriods, f premiumFact, p processors.GracePolicies) (tables.GracePeriods, []topology.Output) {
	switch e := f.body.(type) {
	case events.InvoiceGenerated:
		return processors.FoldInvoiceGenerated(row, record(f.id, e), p)
	case events.PaymentReceived:
		return processors.FoldPaymentReceived(row, record(f.id, e), p)
	case events.PaymentCompleted:
		return processors.FoldPaymentCompleted(row, record(f.id, e), p)
	case events.PaymentMissed:
		return processors.FoldPaymentMissed(row, record(f.id, e), p)
	case events.EnrollmentActivated:
		return processors.FoldEnrollmentActivated(row, record(f.id, e), p)
	case events.EnrollmentTerminated:
		return processors.FoldEnrollmentTerminated(row, record(f.id, e), p)
	}
	panic(fmt.Sprintf("no fold for %T", f.body))
}

// premiumFacts draws facts about a few invoices that bear on each other:
// corrections, parts, money for unknown invoices, and with others what Billing
// and enrolments say.
func premiumFacts(t *rapid.T, others bool) (out []premiumFact) {
	start := day("2026-01-31")
	kinds := []string{"invoice", "invoice", "received", "received", "completed"}
	if others {
		kinds = append(kinds, "billing", "billing", "activated", "terminated")
	}
	invoice := rapid.SampledFrom([]string{"i1", "i2", "i3", "i4"})
	on := rapid.Map(rapid.IntRange(0, 150), func(n int) events.Date { return start + events.Date(n) })
	for n := range rapid.IntRange(1, 14).Draw(t, "facts") {
		var e topology.Event
		switch rapid.SampledFrom(kinds).Draw(t, "kind") {
		case "invoice":
			aptc := rapid.SampledFrom([]*events.Cents{nil, some(events.Cents(0)), some(events.Cents(500))}).Draw(t, "aptc")
			i := invoiced(invoice.Draw(t, "invoice"), on.Draw(t, "due"), events.Cents(rapid.IntRange(0, 3).Draw(t, "premium")), aptc)
			i.GeneratedAt += events.Instant(rapid.IntRange(0, 2).Draw(t, "sent")) * 1_000_000
			e = i
		case "received":
			e = moneyIn(rapid.SampledFrom([]string{"p1", "p2", "p3"}).Draw(t, "payment"), rapid.SampledFrom([]string{"i1", "i2", "i3", "i4", ""}).Draw(t, "for"),
				events.Cents(rapid.IntRange(1, 3).Draw(t, "cents")), on.Draw(t, "on"))
		case "completed":
			e = moneySettled(rapid.SampledFrom([]string{"p1", "p2", "p3"}).Draw(t, "payment"), invoice.Draw(t, "for"), events.Cents(rapid.IntRange(1, 3).Draw(t, "cents")), on.Draw(t, "on"))
		case "billing":
			m := missedBy(invoice.Draw(t, "of"), rapid.SampledFrom(billingTypes).Draw(t, "type"), on.Draw(t, "missed"), some(on.Draw(t, "end")))
			if r := rapid.Int32Range(0, 2).Draw(t, "revision"); r > 0 {
				m.Revision = &r
			}
			e = m
		case "activated":
			e = events.EnrollmentActivated{Type: events.TypeEnrollmentActivated, EnrollmentID: "e", MemberID: memberID, PlanID: "plan", CoverageType: "MEDICAL", EffectiveDate: start,
				ActivatedAt: noon(on.Draw(t, "at")), APTCAmount: rapid.SampledFrom([]*events.Money{nil, some(events.Money(0)), some(events.Money(1))}).Draw(t, "aptc")}
		case "terminated":
			e = events.EnrollmentTerminated{Type: events.TypeEnrollmentTerminated, EnrollmentID: "e", MemberID: memberID, PlanID: "plan", CoverageType: "MEDICAL",
				TerminationDate: on.Draw(t, "last"), TerminatedAt: noon(on.Draw(t, "at")), TerminationReason: rapid.SampledFrom([]*string{nil, some(events.NonPayment)}).Draw(t, "why")}
		}
		out = append(out, premiumFact{fmt.Sprintf("e%02d", n), e})
	}
	return out
}

var billingTypes = []events.Type{events.TypePaymentMissed, events.TypeGracePeriodStarted, events.TypeGracePeriodExpired,
	events.TypePaymentMissedRetracted, events.TypeGracePeriodStartedRetracted, events.TypeGracePeriodExpiredRetracted}

// factsOnly is a row without what depends on when things were known: how often
// something was said and taken back.
func factsOnly(row tables.GracePeriods) tables.GracePeriods {
	row.Invoices = slices.Clone(row.Invoices)
	for n := range row.Invoices {
		i := &row.Invoices[n]
		i.Said = slices.Clone(i.Said)
		for at := range i.Said {
			s := &i.Said[at]
			standing := s.Stands()
			*s = tables.GraceSaid{Type: s.Type, Billing: s.Billing}
			if standing {
				s.Revision = 1
			}
		}
		i.Said = slices.DeleteFunc(i.Said, func(s tables.GraceSaid) bool { return s.Billing == nil && s.Revision == 0 })
	}
	return row
}
