package processors_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// The claim's date of service is day 20500, 2026-02-16.
func TestPriorAuthState(t *testing.T) {
	auth := func(change func(*events.PriorAuthDecided)) []fact { return []fact{authTold(granted(0, change))} }
	for name, c := range map[string]struct {
		claim fact
		told  []fact
		want  string
	}{
		"none wanted":        {submitted(1), nil, "-"},
		"missing":            {submitted(1, wanting), nil, tables.AuthMissing},
		"undecided":          {submitted(1, named), nil, tables.AuthUndecided},
		"named, not wanted":  {submitted(1, named, func(e *events.ClaimSubmitted) { e.RequiresPriorAuth = false }), nil, tables.AuthUndecided},
		"approved":           {submitted(1, named), []fact{authTold(granted(0))}, tables.AuthApproved},
		"denied":             {submitted(1, named), []fact{authTold(refused(0))}, tables.AuthDenied},
		"approved, denied":   {submitted(1, named), []fact{authTold(granted(0), refused(2))}, tables.AuthDenied},
		"denied, approved":   {submitted(1, named), []fact{authTold(refused(0), granted(2))}, tables.AuthApproved},
		"both at once":       {submitted(1, named), []fact{authTold(refused(2), granted(2))}, tables.AuthDenied},
		"another member":     {submitted(1, named), auth(func(e *events.PriorAuthDecided) { e.MemberID = "m2" }), tables.AuthOtherMember},
		"another's denial":   {submitted(1, func(e *events.ClaimSubmitted) { e.MemberID = "m2" }, named), []fact{authTold(refused(0))}, tables.AuthOtherMember},
		"this claim":         {submitted(1, named), auth(func(e *events.PriorAuthDecided) { e.ClaimID = some(events.ID(claimID)) }), tables.AuthApproved},
		"another claim":      {submitted(1, named), auth(func(e *events.PriorAuthDecided) { e.ClaimID = some(events.ID("c2")) }), tables.AuthOtherClaim},
		"another service":    {submitted(1, named), auth(func(e *events.PriorAuthDecided) { e.ServiceCode = some("99999") }), tables.AuthOtherService},
		"a service not told": {submitted(1, named, func(e *events.ClaimSubmitted) { e.ServiceCode = nil }), []fact{authTold(granted(0))}, tables.AuthApproved},
		"the first day":      {submitted(1, named), auth(func(e *events.PriorAuthDecided) { e.EffectiveDate = some(events.Date(20500)) }), tables.AuthApproved},
		"too early":          {submitted(1, named), auth(func(e *events.PriorAuthDecided) { e.EffectiveDate = some(events.Date(20501)) }), tables.AuthNotYet},
		"the last day":       {submitted(1, named), auth(func(e *events.PriorAuthDecided) { e.ExpirationDate = some(events.Date(20500)) }), tables.AuthApproved},
		"a day too late":     {submitted(1, named), auth(func(e *events.PriorAuthDecided) { e.ExpirationDate = some(events.Date(20499)) }), tables.AuthExpired},
		"without an end":     {submitted(1, named), auth(func(e *events.PriorAuthDecided) { e.ExpirationDate = nil }), tables.AuthApproved},
		"ends before it begins": {submitted(1, named), auth(func(e *events.PriorAuthDecided) {
			e.EffectiveDate, e.ExpirationDate = some(events.Date(20505)), some(events.Date(20495))
		}), tables.AuthNotYet},
	} {
		row := fold(t, numbered(append([]fact{c.claim}, c.told...)...))
		got := "-"
		if row.PriorAuthState != nil {
			got = *row.PriorAuthState
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// A later submission that names another authorization asks anew; what was told
// about the first falls away, and what comes about it late is dropped.
func TestAnotherPriorAuthIsAskedFor(t *testing.T) {
	row := fold(t, numbered(submitted(1, named), authTold(granted(0))))
	if links := row.PriorAuthLinks("c"); !slices.Equal(links, []topology.Link{{Key: "auth", Left: "c"}}) {
		t.Errorf("links %v", links)
	}
	second := submitted(2, named, func(e *events.ClaimSubmitted) { e.PriorAuthID = some(events.ID("auth2")) })
	second.id = "second"
	row, _ = step(row, second)
	if row.PriorAuth != nil || *row.PriorAuthState != tables.AuthUndecided || row.PriorAuthLinks("c")[0].Key != "auth2" {
		t.Errorf("state %s", *row.PriorAuthState)
	}
	late, out := step(row, authTold(refused(3)))
	if len(out) != 1 || out[0].Value != any(topology.Dropped{Code: "NOT_ASKED"}) || !reflect.DeepEqual(late, row) {
		t.Errorf("outputs %v", out)
	}
	if _, out := step(tables.ClaimStatus{}, authTold(refused(3))); len(out) != 1 {
		t.Error("a claim that is not there is told")
	}
}

// Who names another member's authorization, by mistake or to find out, is not
// shown what was decided about that member.
func TestSomebodyElsesPriorAuthIsNotShown(t *testing.T) {
	row := fold(t, numbered(submitted(1, named), authTold(granted(0, func(e *events.PriorAuthDecided) { e.MemberID, e.ServiceCode = "canary", some("canary") }))))
	shown, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(shown), "canary") || !strings.Contains(string(shown), tables.AuthOtherMember) {
		t.Errorf("%s", shown)
	}
	shown, err = json.Marshal(row.Entry())
	if err != nil || strings.Contains(string(shown), "canary") {
		t.Errorf("%s, %v", shown, err)
	}
}

func TestDecisionsOnAPriorAuthInAnyOrder(t *testing.T) {
	facts := numbered(granted(1), refused(1), refused(2), granted(3))
	want := foldAuth(facts)
	permute(facts, func(facts []fact) {
		if got := foldAuth(append(slices.Clone(facts), facts...)); !reflect.DeepEqual(got, want) {
			t.Errorf("order %s", idsOf(facts))
		}
	})
	if want.InForce().ID != "e03" || want.Because().Count != 4 || !want.LatestEventAt().Equal(hour(3).Time()) {
		t.Errorf("%+v", want)
	}
}

func TestAHundredDecisionsAreAll(t *testing.T) {
	var row tables.PriorAuth
	for i := range 100 {
		row, _ = processors.FoldPriorAuthDecided(row, record(string(rune('a'+i)), granted(i).body.(events.PriorAuthDecided)))
	}
	next, out := processors.FoldPriorAuthDecided(row, record("one too many", refused(0).body.(events.PriorAuthDecided)))
	if len(out) != 1 || out[0].Value.(topology.Reject).ReasonCode != "TOO_MANY_FACTS" || !reflect.DeepEqual(next, row) {
		t.Errorf("outputs %+v", out)
	}
}

func TestClaimsInGracePeriods(t *testing.T) {
	const pendable = "2026-02-01/2026-02-28/PENDABLE"
	for name, c := range map[string]struct {
		facts         []fact
		grace, status string
	}{
		"no grace period":       {[]fact{submitted(1), graceTold("m", "")}, "-", tables.ClaimSubmitted},
		"second month":          {[]fact{submitted(1), graceTold("m", pendable)}, tables.ClaimsPendable, tables.ClaimPended},
		"its first day":         {[]fact{submitted(1), graceTold("m", "2026-02-16/2026-03-31/PENDABLE")}, tables.ClaimsPendable, tables.ClaimPended},
		"its last day":          {[]fact{submitted(1), graceTold("m", "2026-02-01/2026-02-16/PENDABLE")}, tables.ClaimsPendable, tables.ClaimPended},
		"a day before":          {[]fact{submitted(1), graceTold("m", "2026-02-17/2026-03-31/PENDABLE")}, "-", tables.ClaimSubmitted},
		"a day after":           {[]fact{submitted(1), graceTold("m", "2026-01-01/2026-02-15/PENDABLE")}, "-", tables.ClaimSubmitted},
		"first month":           {[]fact{submitted(1), graceTold("m", "2026-02-01/2026-02-28/PAID 2026-03-01/2026-04-30/PENDABLE")}, tables.ClaimsPaid, tables.ClaimSubmitted},
		"retracted":             {[]fact{submitted(1), graceTold("m", pendable), graceTold("m", "")}, "-", tables.ClaimSubmitted},
		"expired":               {[]fact{submitted(1), graceTold("m", "2026-02-01/2026-02-28/EXPIRED")}, tables.ClaimsExpired, tables.ClaimSubmitted},
		"decided all the same":  {[]fact{submitted(1), graceTold("m", pendable), approved(2)}, tables.ClaimsPendable, tables.ClaimApproved},
		"decided before":        {[]fact{submitted(1), denied(2), graceTold("m", pendable)}, tables.ClaimsPendable, tables.ClaimDenied},
		"another member's":      {[]fact{submitted(2, func(e *events.ClaimSubmitted) { e.MemberID = "m2" }), graceTold("m2", pendable), submitted(1)}, "-", tables.ClaimSubmitted},
		"no date of service":    {[]fact{came(1), graceTold("m", pendable)}, "-", tables.ClaimReceived},
		"submitted in between":  {[]fact{came(1), graceTold("m", pendable), submitted(2)}, tables.ClaimsPendable, tables.ClaimPended},
		"nothing to be told of": {[]fact{submitted(1)}, "-", tables.ClaimSubmitted},
	} {
		row := fold(t, numbered(c.facts...))
		got := "-"
		if row.Grace != nil {
			got = *row.Grace
		}
		if got != c.grace || row.Status != c.status || row.GraceSpans == nil {
			t.Errorf("%s: %s, %s; want %s, %s", name, got, row.Status, c.grace, c.status)
		}
	}
	row := fold(t, numbered(submitted(1)))
	if _, out := step(row, graceTold("m2", pendable)); len(out) != 1 {
		t.Error("another member's grace period is folded")
	}
}

func TestPendedOn(t *testing.T) {
	day := events.DateOf(dayZero)
	facts := []fact{submitted(24), graceTold("m", "2026-02-01/2026-02-28/PENDABLE"), approved(72)}
	row := fold(t, numbered(facts...))
	for after, want := range map[events.Date]bool{0: false, 1: true, 2: true, 3: false, 9: false} {
		if got := row.PendedOn(day + after); got != want {
			t.Errorf("day %d: %v", after, got)
		}
	}
	row, _ = step(row, graceTold("m", ""))
	if row.PendedOn(day + 1) {
		t.Error("pended though the grace period is over")
	}
}

func TestItemsOfAClaim(t *testing.T) {
	for name, c := range map[string]struct {
		facts  []fact
		status string
		at     int
	}{
		"an 837":                         {[]fact{came(1)}, tables.ClaimReceived, 1},
		"an 837, submitted":              {[]fact{came(1), submitted(2)}, tables.ClaimSubmitted, 2},
		"submitted, an 837 with it":      {[]fact{submitted(1), came(2)}, tables.ClaimSubmitted, 1},
		"an 835 of a claim nobody knows": {[]fact{sent(3, "y", 1, "1")}, tables.ClaimUnknown, 3},
		"an 835 changes nothing":         {[]fact{submitted(1), approved(2), sent(3, "y", 144, "4")}, tables.ClaimApproved, 2},
	} {
		permute(numbered(c.facts...), func(facts []fact) {
			if row := fold(t, facts); row.Status != c.status || row.StatusAt != hour(c.at) {
				t.Errorf("%s: %s at %s", name, row.Status, row.StatusAt)
			}
		})
	}
	row := fold(t, numbered(sent(1, "y", 1, "1"), came(2)))
	if row.MemberID != "m" || row.ProviderID != "p" || *row.PatientControlNumber != "account" || !slices.Equal(row.Marks, []string{processors.MarkNoSubmission}) {
		t.Errorf("marks %v", row.Marks)
	}
}

// Items are passed on where they are about a claim; tests of partners are not,
// unless they are marked as synthetic.
func TestItemsArePassedOn(t *testing.T) {
	in := func(usage string, claim *events.ID, kind events.Type) events.EDIInbound {
		return events.EDIInbound{Type: kind, EDITransactionID: "x", UsageIndicator: usage, ReceivedAt: hour(1), ClaimID: claim}
	}
	claim, none := some(events.ID(claimID)), some(events.ID(""))
	for name, c := range map[string]struct {
		e         events.EDIInbound
		synthetic bool
		passed    bool
	}{
		"a claim":          {in("P", claim, events.TypeEDI837Received), false, true},
		"no claim yet":     {in("P", nil, events.TypeEDI837Received), false, false},
		"an empty id":      {in("P", none, events.TypeEDI837Received), false, false},
		"an enrolment":     {in("P", claim, events.TypeEDI834Received), false, false},
		"a test":           {in("T", claim, events.TypeEDI837Received), false, false},
		"a synthetic test": {in("T", claim, events.TypeEDI837Received), true, true},
	} {
		rec := record("e1", c.e)
		rec.Synthetic = c.synthetic
		row, out := processors.PassEDIInbound(tables.EDIPassed{}, rec)
		if !row.Gone() || len(out) != 1 {
			t.Fatalf("%s: %v", name, out)
		}
		item, passed := out[0].Value.(events.ClaimEDI)
		if passed != c.passed || passed && (out[0].Key != claimID || item.ClaimID != claimID || string(out[0].Headers[0].Value) != "e1" || item.At != hour(1)) {
			t.Errorf("%s: %+v", name, out)
		}
	}
	out835 := events.EDIOutbound{Type: events.TypeEDI835Generated, EDITransactionID: "x", UsageIndicator: "P", GeneratedAt: hour(2), ClaimID: claim, PaidAmount: dollars(5),
		ClaimStatusCode: some("1"), PaymentID: some(events.ID("y"))}
	_, out := processors.PassEDIOutbound(tables.EDIPassed{}, record("e2", out835))
	if item := out[0].Value.(events.ClaimEDI); *item.PaidAmount != *dollars(5) || *item.PaymentID != "y" || item.At != hour(2) {
		t.Errorf("%+v", out)
	}
	out835.Type = events.TypeEDI271Generated
	if _, out := processors.PassEDIOutbound(tables.EDIPassed{}, record("e2", out835)); out[0].Value != any(topology.Dropped{Code: "NOT_ABOUT_A_CLAIM"}) {
		t.Errorf("%+v", out)
	}
}
