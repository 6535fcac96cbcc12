package processors_test

import (
	"fmt"
	"slices"
	"testing"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

func foldAll(t testing.TB, row tables.GracePeriods, bodies ...topology.Event) tables.GracePeriods {
	t.Helper()
	for n, body := range bodies {
		next, out := foldPremium(row, premiumFact{fmt.Sprintf("%T-%d-%v", body, n, body.OccurredAt()), body}, processors.NewGracePolicies(nil, 0))
		if rejectOf(out) != "" {
			t.Fatalf("refused: %s", rejectOf(out))
		}
		row = next
	}
	return row
}

func rejectOf(out []topology.Output) string {
	for _, o := range out {
		switch v := o.Value.(type) {
		case topology.Reject:
			return v.ReasonCode
		case topology.Dropped:
			return "dropped " + v.Code
		}
	}
	return ""
}

// paidYears are monthly premiums, each paid on its due date.
func paidYears(from events.Date, months int) (out []topology.Event) {
	for n := range months {
		id, due := fmt.Sprintf("i%03d", n), tables.MonthsAfter(from, n)
		out = append(out, invoiced(id, due, 100, nil), moneyIn("p"+id, "", 100, due), moneySettled("p"+id, id, 100, due+2))
	}
	return out
}

// Of twenty years of premiums two are kept; the others are counted, and what
// comes in for them is parked, dropped where we said it ourselves.
func TestOldInvoicesAreCounted(t *testing.T) {
	row := foldAll(t, tables.GracePeriods{}, paidYears(day("2006-01-15"), 240)...)
	if len(row.Invoices) != 24 || row.Folded.Invoices != 216 || *row.Folded.Through != day("2023-12-15") || len(row.Payments) != 48 {
		t.Fatalf("%d invoices, %d payments, folded %+v", len(row.Invoices), len(row.Payments), row.Folded)
	}
	if len(row.Marks) > 0 || *row.PaidThrough != day("2026-01-14") {
		t.Errorf("marks %v, paid through %s", row.Marks, row.PaidThrough)
	}
	old := invoiced("i000", day("2006-01-15"), 100, nil)
	said := missedBy("i000", events.TypePaymentMissed, day("2006-01-15"), nil)
	for want, f := range map[string]premiumFact{
		processors.InvoiceTooOld:              {"again", old},
		"dropped " + processors.InvoiceTooOld: {processors.GraceEventID(memberID, "i000", said.Type, 0), said},
	} {
		next, out := foldPremium(row, f, processors.NewGracePolicies(nil, 0))
		if got := rejectOf(out); got != want || dump(next) != dump(row) {
			t.Errorf("%T: %q, want %q", f.body, got, want)
		}
	}
}

// An open invoice holds back those after it; a grace period goes as a whole.
func TestOpenInvoicesAreKept(t *testing.T) {
	row := foldAll(t, tables.GracePeriods{}, append([]topology.Event{invoiced("open", day("2005-01-15"), 100, nil)}, paidYears(day("2006-01-15"), 40)...)...)
	if len(row.Invoices) != 41 || row.Folded.Invoices != 0 {
		t.Fatalf("%d invoices, folded %+v", len(row.Invoices), row.Folded)
	}
	row = foldAll(t, row, moneySettled("late", "open", 100, day("2005-01-20")))
	if len(row.Invoices) != 24 || row.Folded.Invoices != 17 || len(row.Graces) != 0 {
		t.Errorf("%d invoices, %d grace periods, folded %+v", len(row.Invoices), len(row.Graces), row.Folded)
	}
}

func TestGraceRowsAreBounded(t *testing.T) {
	var invoices, parts, loose, enrolments []topology.Event
	for n := range 200 {
		invoices = append(invoices, invoiced(fmt.Sprintf("i%03d", n), day("2026-01-15")+events.Date(n), 100, nil))
		parts = append(parts, moneyIn(fmt.Sprintf("p%03d", n), "i000", 1, day("2026-01-10")))
		loose = append(loose, moneyIn(fmt.Sprintf("l%03d", n), "", 1, day("2026-01-10")))
		enrolments = append(enrolments, events.EnrollmentActivated{Type: events.TypeEnrollmentActivated, EnrollmentID: events.ID(fmt.Sprint("e", n)), MemberID: memberID, PlanID: "p", CoverageType: "MEDICAL", ActivatedAt: noon(day("2026-01-01"))})
	}
	for code, c := range map[string]struct {
		most  int
		facts []topology.Event
		row   tables.GracePeriods
	}{
		processors.TooManyInvoices:       {100, invoices, tables.GracePeriods{}},
		processors.TooManyPayments:       {50, parts, foldAll(t, tables.GracePeriods{}, invoices[0])},
		processors.TooManyPayments + " ": {200, append(slices.Clip(loose), moneyIn("more", "", 1, day("2026-01-10"))), tables.GracePeriods{}},
		processors.TooManyEnrollments:    {50, enrolments, tables.GracePeriods{}},
	} {
		row := foldAll(t, c.row, c.facts[:c.most]...)
		_, out := foldPremium(row, premiumFact{"over", c.facts[c.most]}, processors.NewGracePolicies(nil, 0))
		if got := rejectOf(out); got == "" || got[:8] != code[:8] {
			t.Errorf("the %dth of %T: %q, want %s", c.most+1, c.facts[0], got, code)
		}
		if next, out := foldPremium(row, premiumFact{"again", c.facts[0]}, processors.NewGracePolicies(nil, 0)); rejectOf(out) != "" || len(next.Payments) != len(row.Payments) {
			t.Errorf("%T: what a full row holds is refused", c.facts[0])
		}
	}
}

// BenchmarkFoldPayment is one payment into the row of a member with two years
// of premiums.
func BenchmarkFoldPayment(b *testing.B) {
	row := foldAll(b, tables.GracePeriods{}, paidYears(day("2024-01-31"), 24)...)
	row = foldAll(b, row, invoiced("new", day("2026-01-31"), 100, some(events.Cents(100))))
	p := processors.NewGracePolicies(nil, 0)
	f := premiumFact{"pay", moneyIn("pay", "new", 50, day("2026-02-10"))}
	b.ReportAllocs()
	for b.Loop() {
		foldPremium(row, f, p)
	}
}

// BenchmarkFoldFirstInvoice is the first premium of a member.
func BenchmarkFoldFirstInvoice(b *testing.B) {
	p := processors.NewGracePolicies(nil, 0)
	f := premiumFact{"bill", invoiced("new", day("2026-01-31"), 100, some(events.Cents(100)))}
	b.ReportAllocs()
	for b.Loop() {
		foldPremium(tables.GracePeriods{}, f, p)
	}
}
