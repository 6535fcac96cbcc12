package processors_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const (
	billing = events.RecordedByBilling
	mirror  = events.RecordedByClaims
	nobody  = events.RecordedByUnknown
)

func TestStatusFollowsFromFacts(t *testing.T) {
	for name, c := range map[string]struct {
		facts  []fact
		status string
		at     int
	}{
		"submitted":                      {[]fact{submitted(1)}, tables.ClaimSubmitted, 1},
		"submitted twice":                {[]fact{submitted(1), submitted(2)}, tables.ClaimSubmitted, 2},
		"approved":                       {[]fact{submitted(1), approved(2)}, tables.ClaimApproved, 2},
		"approved again":                 {[]fact{submitted(1), approved(2), approved(3)}, tables.ClaimApproved, 3},
		"denied":                         {[]fact{submitted(1), denied(2)}, tables.ClaimDenied, 2},
		"approved, then denied":          {[]fact{submitted(1), approved(2), denied(3)}, tables.ClaimDenied, 3},
		"denied, then approved":          {[]fact{submitted(1), denied(2), approved(3)}, tables.ClaimApproved, 3},
		"both at one instant":            {[]fact{submitted(1), approved(2), denied(2)}, tables.ClaimApproved, 2},
		"paid":                           {[]fact{submitted(1), approved(2), paid(3, "y", 144, billing)}, tables.ClaimPaid, 3},
		"paid alone":                     {[]fact{paid(3, "y", 144, billing)}, tables.ClaimPaid, 3},
		"paid, approved at one instant":  {[]fact{submitted(2), paid(2, "y", 144, billing), approved(2)}, tables.ClaimPaid, 2},
		"overturned":                     {[]fact{submitted(1), denied(2), appeal(3, events.OutcomeOverturned)}, tables.ClaimOverturned, 3},
		"overturned in part":             {[]fact{submitted(1), denied(2), appeal(3, events.OutcomePartiallyOverturned)}, tables.ClaimPartiallyOverturned, 3},
		"upheld":                         {[]fact{submitted(1), denied(2), appeal(3, events.OutcomeUpheld)}, tables.ClaimUpheld, 3},
		"upheld, then overturned":        {[]fact{submitted(1), denied(2), appeal(3, events.OutcomeUpheld), appeal(4, events.OutcomeOverturned)}, tables.ClaimOverturned, 4},
		"overturned, then paid":          {[]fact{submitted(1), denied(2), appeal(3, events.OutcomeOverturned), paid(4, "y", 9, billing)}, tables.ClaimPaid, 4},
		"a late submission changes none": {[]fact{submitted(5), approved(2)}, tables.ClaimApproved, 2},
		"a second submission after all":  {[]fact{submitted(1), approved(2), submitted(9)}, tables.ClaimApproved, 2},
	} {
		row := fold(t, numbered(c.facts...))
		if row.Status != c.status || row.StatusAt != hour(c.at) {
			t.Errorf("%s: %s at %s, want %s at %s", name, row.Status, row.StatusAt, c.status, hour(c.at))
		}
	}
}

func TestAmountsOfTheDecisionInForce(t *testing.T) {
	for name, c := range map[string]struct {
		facts []fact
		want  string // billed allowed payable member
	}{
		"submitted":                         {[]fact{submitted(1)}, "250.00 - - -"},
		"decided without a submission":      {[]fact{approved(2)}, "250.00 180.00 144.00 36.00"},
		"approved":                          {[]fact{submitted(1), approved(2)}, "250.00 180.00 144.00 36.00"},
		"corrected":                         {[]fact{submitted(1), approved(2), approved(3, pays(100, 80, 20))}, "250.00 100.00 80.00 20.00"},
		"corrected before, by event time":   {[]fact{submitted(1), approved(3), approved(2, pays(100, 80, 20))}, "250.00 180.00 144.00 36.00"},
		"denied":                            {[]fact{submitted(1), denied(2)}, "250.00 - - -"},
		"denied after all":                  {[]fact{submitted(1), approved(2), denied(3)}, "250.00 - - -"},
		"overturned with amounts":           {[]fact{submitted(1), denied(2), appeal(3, events.OutcomeOverturned, withAmounts)}, "250.00 200.00 170.00 30.00"},
		"overturned without":                {[]fact{submitted(1), denied(2), appeal(3, events.OutcomeOverturned)}, "250.00 - - -"},
		"an appeal that leaves the amounts": {[]fact{submitted(1), approved(2), appeal(3, events.OutcomeUpheld)}, "250.00 180.00 144.00 36.00"},
		"a second appeal without amounts": {[]fact{submitted(1), denied(2), appeal(3, events.OutcomePartiallyOverturned, withAmounts),
			appeal(4, events.OutcomeUpheld)}, "250.00 200.00 170.00 30.00"},
		"submitted twice": {[]fact{submitted(2, bills(9)), submitted(1)}, "250.00 - - -"},
	} {
		row := fold(t, numbered(c.facts...))
		got := fmt.Sprint(text(row.Billed), " ", text(row.Allowed), " ", text(row.Payable), " ", text(row.MemberResponsibility))
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func bills(n int) func(*events.ClaimSubmitted) {
	return func(e *events.ClaimSubmitted) { e.TotalBilledAmount = *dollars(n) }
}

func pays(allowed, plan, member int) func(*events.ClaimAdjudicated) {
	return func(e *events.ClaimAdjudicated) {
		e.AllowedAmount, e.PaidAmount, e.MemberResponsibility = dollars(allowed), dollars(plan), dollars(member)
	}
}

func TestDenialInForce(t *testing.T) {
	for name, c := range map[string]struct {
		facts    []fact
		code     string
		deadline string
	}{
		"denied": {[]fact{submitted(1), denied(2)}, "CO-4", "2026-09-04"},
		"denied twice": {[]fact{submitted(1), denied(2), denied(3, func(e *events.ClaimAdjudicated) {
			e.DenialReasonCode, e.AppealDeadline = some("CO-9"), some(events.Date(20701))
		})}, "CO-9", "2026-09-05"},
		"approved afterwards":     {[]fact{submitted(1), denied(2), approved(3)}, "", "-"},
		"upheld":                  {[]fact{submitted(1), denied(2), appeal(3, events.OutcomeUpheld)}, "CO-4", "-"},
		"overturned":              {[]fact{submitted(1), denied(2), appeal(3, events.OutcomeOverturned)}, "", "-"},
		"denied after overturned": {[]fact{submitted(1), denied(2), appeal(3, events.OutcomeOverturned), denied(4)}, "CO-4", "2026-09-04"},
	} {
		row := fold(t, numbered(c.facts...))
		code := ""
		if row.DenialCode != nil {
			code = *row.DenialCode
		}
		if code != c.code || text(row.AppealDeadline) != c.deadline || (row.DenialText == nil) != (code == "") {
			t.Errorf("%s: code %q, deadline %s; want %q, %s", name, code, text(row.AppealDeadline), c.code, c.deadline)
		}
	}
}

func TestAppealableOn(t *testing.T) {
	open := fold(t, numbered(submitted(1), denied(2)))
	closed := fold(t, numbered(submitted(1), denied(2), appeal(3, events.OutcomeUpheld)))
	for day, want := range map[events.Date]bool{20000: true, 20700: true, 20701: false} {
		if got := open.AppealableOn(day); got != want {
			t.Errorf("denied claim on day %d: %v", day, got)
		}
		if closed.AppealableOn(day) {
			t.Errorf("upheld claim on day %d is appealable", day)
		}
	}
}

func TestSubmissionNamesTheClaim(t *testing.T) {
	other := func(e *events.ClaimAdjudicated) { e.MemberID, e.ProviderID = "m2", "p2" }
	row := fold(t, numbered(approved(1, other), submitted(2)))
	if row.ClaimID != claimID || row.MemberID != "m" || row.ProviderID != "p" || *row.PlanID != "pl" || *row.ClaimType != "DENTAL" || *row.ServiceDate != 20500 {
		t.Errorf("row of %s %s", string(row.MemberID), string(row.ProviderID))
	}
	row = fold(t, numbered(approved(1, other), denied(2)))
	if row.MemberID != "m2" || row.ProviderID != "p2" || row.PlanID != nil {
		t.Errorf("without a submission: %s %s", string(row.MemberID), string(row.ProviderID))
	}
}

func TestPayments(t *testing.T) {
	for name, c := range map[string]struct {
		facts       []fact
		paid        string
		provisional bool
		disagrees   bool
	}{
		"none":                          {nil, "-", false, false},
		"Billing":                       {[]fact{paid(3, "y", 144, billing)}, "144.00", false, false},
		"the mirror alone":              {[]fact{paid(3, "y", 144, mirror)}, "144.00", true, false},
		"nobody says who":               {[]fact{paid(3, "y", 144, nobody)}, "144.00", true, false},
		"Billing and its mirror":        {[]fact{paid(3, "y", 144, billing), paid(4, "y", 144, mirror)}, "144.00", false, false},
		"the mirror first":              {[]fact{paid(3, "y", 144, mirror), paid(4, "y", 144, billing)}, "144.00", false, false},
		"the mirror disagrees":          {[]fact{paid(3, "y", 144, billing), paid(4, "y", 105, mirror)}, "144.00", false, true},
		"the mirror disagrees, first":   {[]fact{paid(3, "y", 105, mirror), paid(4, "y", 144, billing)}, "144.00", false, true},
		"all three":                     {[]fact{paid(3, "y", 1, mirror), paid(4, "y", 144, billing), paid(5, "y", 2, nobody)}, "144.00", false, true},
		"unknown counts before mirror":  {[]fact{paid(3, "y", 2, nobody), paid(4, "y", 1, mirror)}, "2.00", true, true},
		"two payments":                  {[]fact{paid(3, "y", 100, billing), paid(4, "z", 44, billing)}, "144.00", false, false},
		"two, one provisional":          {[]fact{paid(3, "y", 100, billing), paid(4, "z", 44, mirror)}, "144.00", true, false},
		"taken back":                    {[]fact{paid(3, "y", 144, billing), paid(4, "z", -144, billing)}, "0.00", false, false},
		"Billing corrects itself":       {[]fact{paid(3, "y", 100, billing), paid(4, "y", 144, billing)}, "144.00", false, false},
		"corrected, mirrored before":    {[]fact{paid(3, "y", 100, billing), paid(4, "y", 100, mirror), paid(5, "y", 144, billing), paid(6, "y", 144, mirror)}, "144.00", false, false},
		"corrected, the mirror did not": {[]fact{paid(3, "y", 100, mirror), paid(4, "y", 100, billing), paid(5, "y", 144, billing)}, "144.00", false, true},
		"zero":                          {[]fact{paid(3, "y", 0, billing), paid(4, "y", 0, mirror)}, "0.00", false, false},
	} {
		permute(numbered(append([]fact{submitted(1), approved(2)}, c.facts...)...), func(facts []fact) {
			row := fold(t, facts)
			if text(row.Paid) != c.paid || row.PaidProvisional != c.provisional || slices.Contains(row.Marks, processors.MarkPaymentDisagrees) != c.disagrees {
				t.Errorf("%s: paid %s, provisional %v, marks %v", name, text(row.Paid), row.PaidProvisional, row.Marks)
			}
		})
	}
}

// A sum that has no text on the wire would make a row that nobody reads back.
func TestPaymentsBeyondAllMoney(t *testing.T) {
	most := func(e *events.ClaimPaid) { e.PaidAmount = events.MaxMoney }
	row := fold(t, numbered(submitted(1), approved(2), paid(3, "y", 0, billing, most), paid(4, "z", 0, billing, most)))
	if *row.Paid != events.MaxMoney || !slices.Contains(row.Marks, processors.MarkAmountsDoNotAddUp) {
		t.Errorf("paid %s, marks %v", text(row.Paid), row.Marks)
	}
}

func TestFoldsAreIdempotent(t *testing.T) {
	facts := numbered(submitted(1), approved(2), denied(3), appeal(4, events.OutcomeOverturned, withAmounts), paid(5, "y", 170, billing))
	var row tables.ClaimStatus
	for _, f := range facts {
		once, _ := step(row, f)
		twice, out := step(once, f)
		if !reflect.DeepEqual(once, twice) || len(out) != 0 {
			t.Errorf("%s folded twice: %d facts, then %d", f.body.EventType(), len(once.History), len(twice.History))
		}
		row = once
	}
}

// TestAnIDOfAnotherTypeHidesNothing: who may publish submissions cannot keep a
// payment out of the row by sending its id first.
func TestAnIDOfAnotherTypeHidesNothing(t *testing.T) {
	first, second := submitted(1), paid(2, "y", 144, billing)
	first.id, second.id = "same", "same"
	if row := fold(t, []fact{first, second}); row.Status != tables.ClaimPaid {
		t.Errorf("the claim is %s", row.Status)
	}
}

func TestFoldsDoNotChangeTheRowTheyGet(t *testing.T) {
	facts := numbered(submitted(5), approved(6), paid(7, "y", 144, billing))
	row := fold(t, facts)
	before := fmt.Sprintf("%#v", row.History)
	for i, f := range []fact{submitted(1), denied(6), appeal(2, events.OutcomeUpheld), paid(0, "y", 1, mirror)} {
		f.id = fmt.Sprint("new", i)
		if next, _ := step(row, f); len(next.History) != 4 {
			t.Fatalf("%d facts", len(next.History))
		}
		if fmt.Sprintf("%#v", row.History) != before {
			t.Fatalf("%s changed the row it got", f.body.EventType())
		}
	}
}

func TestAThousandFactsAreAll(t *testing.T) {
	var row tables.ClaimStatus
	for i := range 1000 {
		f := paid(i%7, "y", i, billing)
		f.id = fmt.Sprintf("e%04d", i)
		var out []topology.Output
		if row, out = step(row, f); len(out) != 0 {
			t.Fatalf("fact %d: %+v", i, out)
		}
	}
	if b := row.Because(); b.Count != 1000 || len(b.IDs) != 100 || b.IDs[0] != "e0000" {
		t.Errorf("because %d ids of %d", len(b.IDs), b.Count)
	}
	for _, f := range []fact{submitted(1), approved(2), paid(3, "y", 1, billing), appeal(4, events.OutcomeUpheld)} {
		f.id = "one too many"
		next, out := step(row, f)
		if len(out) != 1 || out[0].Value.(topology.Reject).ReasonCode != "TOO_MANY_FACTS" || strings.Contains(out[0].Value.(topology.Reject).Reason, claimID) {
			t.Errorf("%s: outputs %+v", f.body.EventType(), out)
		}
		if !reflect.DeepEqual(next, row) {
			t.Errorf("%s: the row changed", f.body.EventType())
		}
	}
	again := paid(3, "y", 999, billing)
	again.id = "e0999"
	if next, out := step(row, again); len(out) != 0 || !reflect.DeepEqual(next, row) {
		t.Error("a fact that the row holds is refused once it is full")
	}
}

func TestLatestEventAt(t *testing.T) {
	row := fold(t, numbered(approved(5), submitted(1)))
	if !row.LatestEventAt().Equal(hour(5).Time()) || !(tables.ClaimStatus{}).LatestEventAt().IsZero() {
		t.Errorf("latest %s", row.LatestEventAt())
	}
}
