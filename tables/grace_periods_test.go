package tables_test

import (
	"testing"

	"payerflow/events"
	"payerflow/tables"
)

func some[T any](v T) *T { return &v }

// A member with credits whose January premium was missed, who paid on 10 March.
func TestGraceQuestions(t *testing.T) {
	day := func(text string) *events.Date { return some(on(t, text)) }
	grace := tables.Grace{From: *day("2026-02-01"), Through: *day("2026-04-30"), PaysThrough: day("2026-02-28"), Aptc: tables.AptcYes, Invoices: []events.ID{"i"}}
	open := tables.GracePeriods{MemberID: "m", Graces: []tables.Grace{grace}}
	cured, expired, left := open, open, open
	grace.CuredOn = day("2026-03-10")
	cured.Graces = []tables.Grace{grace}
	grace.CuredOn, grace.Expired = nil, true
	expired.Graces = []tables.Grace{grace}
	grace.Expired, grace.TerminatedOn = false, day("2026-03-15")
	left.Graces, left.Invoices = []tables.Grace{grace}, []tables.GraceInvoice{{InvoiceID: "i"}}

	for name, c := range map[string]struct {
		row  tables.GracePeriods
		day  string
		want string
		pays string
	}{
		"before":             {open, "2026-01-31", tables.GraceCurrent, ""},
		"first month":        {open, "2026-02-28", tables.GraceIn, tables.ClaimsPaid},
		"second month":       {open, "2026-03-01", tables.GraceIn, tables.ClaimsPendable},
		"last day":           {open, "2026-04-30", tables.GraceIn, tables.ClaimsPendable},
		"over":               {open, "2026-05-01", tables.GraceExpired, ""},
		"day before payment": {cured, "2026-03-09", tables.GraceIn, ""},
		"payment":            {cured, "2026-03-10", tables.GraceCured, ""},
		"after the cure":     {cured, "2026-05-01", tables.GraceCurrent, ""},
		"said to be over":    {expired, "2026-04-01", tables.GraceIn, tables.ClaimsExpired},
		"coverage ended":     {left, "2026-03-16", tables.GraceMissed, ""},
		"coverage to end":    {left, "2026-03-15", tables.GraceIn, tables.ClaimsPendable},
	} {
		if got := c.row.StatusOn(on(t, c.day)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if got := c.row.Pends().On(on(t, c.day)); got != c.pays {
			t.Errorf("%s: claims are %q, want %q", name, got, c.pays)
		}
	}
	if cured.Pends() != cured.Pends().Removed() || open.Pends() == open.Pends().Removed() || !open.PendedOn(on(t, "2026-03-01")) {
		t.Errorf("spans: %q, %q", string(cured.Pends().Spans), string(open.Pends().Spans))
	}
}

func TestGraceIsResumed(t *testing.T) {
	row := tables.GracePeriods{MemberID: "m", Graces: []tables.Grace{{From: on(t, "2026-02-01"), Through: on(t, "2026-03-02")}}}
	if row.StatusOn(on(t, "2026-06-01")) != tables.GraceExpired {
		t.Error("not expired")
	}
	row.Enrollments = []tables.GraceEnrollment{{Activated: &tables.GraceCoverage{On: on(t, "2026-05-01")}}}
	if row.StatusOn(on(t, "2026-04-30")) != tables.GraceExpired || row.StatusOn(on(t, "2026-05-01")) != tables.GraceCurrent {
		t.Error("a new enrolment does not begin coverage anew")
	}
}
