package processors_test

import (
	"fmt"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const claimID = "claim-1"

var dayZero = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)

// hour is the instant so many hours after the day's beginning.
func hour(n int) events.Instant { return events.InstantOf(dayZero.Add(time.Duration(n) * time.Hour)) }

func some[T any](v T) *T { return &v }

// dollars is an amount; nothing is negative but what is taken back.
func dollars(n int) *events.Money { return some(events.Money(n * 100)) }

// fact is one event of the claim with its identity; the zero ID is given one
// by fold, from its place.
type fact struct {
	id   string
	body topology.Event
}

func submitted(at int, change ...func(*events.ClaimSubmitted)) fact {
	e := events.ClaimSubmitted{Type: events.TypeClaimSubmitted, SchemaVersion: "1.0", ClaimID: claimID, MemberID: "m", ProviderID: "p", PlanID: "pl",
		ClaimType: "DENTAL", TotalBilledAmount: *dollars(250), ServiceDate: 20500, SubmittedAt: hour(at)}
	return fact{body: changed(e, change)}
}

// approved allows 180 of 250: the plan pays 144, the member 36.
func approved(at int, change ...func(*events.ClaimAdjudicated)) fact {
	e := events.ClaimAdjudicated{Type: events.TypeClaimApproved, SchemaVersion: "1.0", ClaimID: claimID, MemberID: "m", ProviderID: "p", AdjudicatedAt: hour(at),
		Status: some("APPROVED"), TotalBilledAmount: dollars(250), AllowedAmount: dollars(180), PaidAmount: dollars(144), MemberResponsibility: dollars(36)}
	return fact{body: changed(e, change)}
}

func denied(at int, change ...func(*events.ClaimAdjudicated)) fact {
	e := events.ClaimAdjudicated{Type: events.TypeClaimDenied, SchemaVersion: "1.0", ClaimID: claimID, MemberID: "m", ProviderID: "p", AdjudicatedAt: hour(at),
		DenialReasonCode: some("CO-4"), DenialReasonText: some(events.Text("needs authorization")), AppealDeadline: some(events.Date(20700))}
	return fact{body: changed(e, change)}
}

func paid(at int, payment string, amount int, by string, change ...func(*events.ClaimPaid)) fact {
	e := events.ClaimPaid{Type: events.TypeClaimPaid, SchemaVersion: "1.0", ClaimID: claimID, MemberID: "m", ProviderID: "p",
		PaymentID: events.ID(payment), PaidAmount: *dollars(amount), PaidAt: hour(at), RecordedBy: by}
	return fact{body: changed(e, change)}
}

func appeal(at int, outcome string, change ...func(*events.AppealResolved)) fact {
	e := events.AppealResolved{Type: events.TypeAppealResolved, SchemaVersion: "1.0", AppealID: "a", ClaimID: claimID, MemberID: "m", ProviderID: "p",
		Outcome: outcome, ResolvedAt: hour(at)}
	return fact{body: changed(e, change)}
}

// told is what a system says about the appeal "a"; system is "x" or another.
func told(at int, system string, state events.Type, change ...func(*events.AppealUpdated)) fact {
	e := events.AppealUpdated{Type: state, SchemaVersion: "1.0", AppealID: "a", ClaimID: claimID, MemberID: "m", ProviderID: "p", SourceSystem: system, UpdatedAt: hour(at)}
	switch state {
	case events.TypeReconsiderationInfoRequested:
		e.InformationDueDate = some(events.Date(20600))
	case events.TypeReconsiderationDecided:
		e.Outcome = some(events.OutcomeUpheld)
	}
	return fact{body: changed(e, change)}
}

// came is the claim as an X12 837, sent is what an X12 835 says about it.
func came(at int, change ...func(*events.ClaimEDI)) fact {
	e := events.ClaimEDI{Type: events.TypeEDI837Received, ClaimID: claimID, EDITransactionID: "x", At: hour(at), MemberID: some(events.ID("m")), ProviderID: some(events.ID("p")),
		PatientControlNumber: some(events.ID("account"))}
	return fact{body: changed(e, change)}
}

func sent(at int, payment string, amount int, code string) fact {
	return fact{body: events.ClaimEDI{Type: events.TypeEDI835Generated, ClaimID: claimID, EDITransactionID: "x", At: hour(at), PaymentID: some(events.ID(payment)),
		PaidAmount: dollars(amount), ClaimStatusCode: &code}}
}

// named makes a submission want the prior authorization "auth".
func named(e *events.ClaimSubmitted) {
	e.RequiresPriorAuth, e.PriorAuthID, e.ServiceCode = true, some(events.ID("auth")), some("99213")
}

func wanting(e *events.ClaimSubmitted) { e.RequiresPriorAuth = true }

// granted is an approval of "auth" for the service of the claim, on days around
// its date of service.
func granted(at int, change ...func(*events.PriorAuthDecided)) fact {
	e := events.PriorAuthDecided{Type: events.TypePriorAuthApproved, SchemaVersion: "1.0", PriorAuthID: "auth", MemberID: "m", ProviderID: "p", PlanID: "pl", DecidedAt: hour(at),
		ServiceCode: some("99213"), EffectiveDate: some(events.Date(20490)), ExpirationDate: some(events.Date(20510))}
	return fact{body: changed(e, change)}
}

func refused(at int) fact {
	return fact{body: events.PriorAuthDecided{Type: events.TypePriorAuthDenied, SchemaVersion: "1.0", PriorAuthID: "auth", MemberID: "m", ProviderID: "p", PlanID: "pl", DecidedAt: hour(at),
		DenialReasonCode: some("CO-197"), DenialReasonText: some(events.Text("no need"))}}
}

// authTold is what a claim is told of these decisions on "auth".
func authTold(decisions ...fact) fact {
	row := foldAuth(decisions)
	return fact{body: topology.Answered[tables.PriorAuth]{Left: claimID, Key: "auth", Value: &row}}
}

func foldAuth(decisions []fact) (row tables.PriorAuth) {
	for i, d := range decisions {
		if d.id == "" {
			d.id = fmt.Sprintf("d%02d", i)
		}
		row, _ = processors.FoldPriorAuthDecided(row, record(d.id, d.body.(events.PriorAuthDecided)))
	}
	return row
}

// graceTold is what a claim is told of the grace periods of member m, as spans
// of days of service; the claim's is 2026-02-16.
func graceTold(member events.ID, spans events.Text) fact {
	return fact{body: topology.Answered[tables.MemberGrace]{Left: claimID, Key: string(member), Value: &tables.MemberGrace{MemberID: member, Spans: spans}}}
}

// withAmounts is what an appeal sets: 200 allowed, 170 by the plan, 30 by the member.
func withAmounts(e *events.AppealResolved) {
	e.AllowedAmount, e.PaidAmount, e.MemberResponsibility = dollars(200), dollars(170), dollars(30)
}

func changed[E any](e E, change []func(*E)) E {
	for _, f := range change {
		f(&e)
	}
	return e
}

// numbered gives each fact the identity of its place.
func numbered(facts ...fact) []fact {
	for i := range facts {
		if facts[i].id == "" {
			facts[i].id = fmt.Sprintf("e%02d", i)
		}
	}
	return facts
}

// fold folds facts in the order given and fails on any output.
func fold(t interface {
	Helper()
	Fatalf(string, ...any)
}, facts []fact) (row tables.ClaimStatus) {
	t.Helper()
	for _, f := range facts {
		var out []topology.Output
		if row, out = step(row, f); len(out) > 0 {
			t.Fatalf("%s %s asks for %+v", f.body.EventType(), f.id, out)
		}
	}
	return row
}

func step(row tables.ClaimStatus, f fact) (tables.ClaimStatus, []topology.Output) {
	switch e := f.body.(type) {
	case events.ClaimSubmitted:
		return processors.FoldClaimSubmitted(row, record(f.id, e))
	case events.ClaimAdjudicated:
		return processors.FoldClaimAdjudicated(row, record(f.id, e))
	case events.ClaimPaid:
		return processors.FoldClaimPaid(row, record(f.id, e))
	case events.AppealResolved:
		return processors.FoldAppealResolved(row, record(f.id, e))
	case events.AppealUpdated:
		return processors.FoldAppealUpdated(row, record(f.id, e))
	case events.ClaimEDI:
		return processors.FoldClaimEDI(row, record(f.id, e))
	case topology.Answered[tables.PriorAuth]:
		return processors.FoldPriorAuth(row, record(f.id, e))
	case topology.Answered[tables.MemberGrace]:
		return processors.FoldMemberGrace(row, record(f.id, e))
	}
	panic(fmt.Sprintf("no fold for %T", f.body))
}

func record[E topology.Event](id string, e E) topology.Record[E] {
	return topology.Record[E]{Key: e.Subject(), At: e.OccurredAt(), ID: func() string { return id }, Body: e}
}

// text is an amount for messages, "-" where there is none.
func text[T fmt.Stringer](v *T) string {
	if v == nil {
		return "-"
	}
	return (*v).String()
}

// Every test fact is an event that its topic takes.
func TestFactsOfTheTestsAreValid(t *testing.T) {
	for _, f := range []fact{submitted(0), approved(0), denied(0), paid(0, "y", 1, events.RecordedByBilling), appeal(0, events.OutcomeUpheld), appeal(0, events.OutcomeOverturned, withAmounts),
		told(0, "x", received), told(0, "x", inReview), told(0, "x", wanted), told(0, "x", decided),
		came(0), sent(0, "y", 1, "1"), granted(0), refused(0)} {
		if err := f.body.Validate(); err != nil {
			t.Errorf("%s: %v", f.body.EventType(), err)
		}
	}
}
