// This file answers: where does this claim stand, and what made it so.

package processors

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// FoldClaimSubmitted records that the claim reached the plan.
func FoldClaimSubmitted(row tables.ClaimStatus, rec topology.Record[events.ClaimSubmitted]) (tables.ClaimStatus, []topology.Output) {
	e := rec.Body
	f := claimFact(rec, e.MemberID, e.ProviderID)
	f.PlanID, f.ClaimType, f.ServiceDate = &e.PlanID, &e.ClaimType, &e.ServiceDate
	f.Billed, f.RequiresPriorAuth, f.PriorAuthID, f.ServiceCode = &e.TotalBilledAmount, &e.RequiresPriorAuth, e.PriorAuthID, e.ServiceCode
	return addClaimFact(row, rec.Key, f)
}

// FoldClaimAdjudicated records the plan's decision.
func FoldClaimAdjudicated(row tables.ClaimStatus, rec topology.Record[events.ClaimAdjudicated]) (tables.ClaimStatus, []topology.Output) {
	e := rec.Body
	f := claimFact(rec, e.MemberID, e.ProviderID)
	f.Billed, f.Allowed, f.Paid, f.MemberResponsibility = e.TotalBilledAmount, e.AllowedAmount, e.PaidAmount, e.MemberResponsibility
	f.CostShare = total(e.DeductibleApplied, e.CopayApplied, e.CoinsuranceApplied)
	f.DenialCode, f.DenialText, f.AppealDeadline = e.DenialReasonCode, e.DenialReasonText, e.AppealDeadline
	return addClaimFact(row, rec.Key, f)
}

// FoldClaimPaid records a payment, by Billing or by the audit mirror of Claims.
func FoldClaimPaid(row tables.ClaimStatus, rec topology.Record[events.ClaimPaid]) (tables.ClaimStatus, []topology.Output) {
	e := rec.Body
	f := claimFact(rec, e.MemberID, e.ProviderID)
	f.PaymentID, f.Paid, f.RecordedBy = &e.PaymentID, &e.PaidAmount, &e.RecordedBy
	return addClaimFact(row, rec.Key, f)
}

// FoldAppealResolved records how an appeal ended.
func FoldAppealResolved(row tables.ClaimStatus, rec topology.Record[events.AppealResolved]) (tables.ClaimStatus, []topology.Output) {
	e := rec.Body
	f := claimFact(rec, e.MemberID, e.ProviderID)
	f.AppealID, f.Outcome, f.Level, f.Text = &e.AppealID, &e.Outcome, e.Level, e.ReasonText
	f.Allowed, f.Paid, f.MemberResponsibility = e.AllowedAmount, e.PaidAmount, e.MemberResponsibility
	return addClaimFact(row, rec.Key, f)
}

// maxClaimFacts bounds a row; what comes after is parked, not lost.
const maxClaimFacts = 1000

func claimFact[E topology.Event](rec topology.Record[E], member, provider events.ID) tables.ClaimFact {
	return tables.ClaimFact{ID: rec.ID(), Type: events.Type(rec.Body.EventType()), At: events.InstantOf(rec.At), MemberID: member, ProviderID: provider}
}

// addClaimFact puts a fact in its place, unless the row holds it already, and
// lets everything follow anew. An id that another type of event has says
// nothing: who may publish the one may not be able to publish the other.
func addClaimFact(row tables.ClaimStatus, key string, f tables.ClaimFact) (tables.ClaimStatus, []topology.Output) {
	if slices.ContainsFunc(row.History, func(h tables.ClaimFact) bool { return h.ID == f.ID && h.Type == f.Type }) {
		return row, nil
	}
	if len(row.History) >= maxClaimFacts {
		return row, []topology.Output{{Key: key, Value: topology.Reject{ReasonCode: "TOO_MANY_FACTS", Reason: "the claim has 1000 events already"}}}
	}
	at, _ := slices.BinarySearchFunc(row.History, f, compareClaimFacts)
	row.History = slices.Insert(slices.Clone(row.History), at, f)
	return settleClaim(key, row), nil
}

func compareClaimFacts(a, b tables.ClaimFact) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(lifecycle(a.Type), lifecycle(b.Type)), cmp.Compare(a.ID, b.ID))
}

// lifecycle orders facts of one instant as a claim lives through them.
func lifecycle(t events.Type) int {
	return slices.Index([]events.Type{events.TypeEDI837Received, events.TypeClaimSubmitted, events.TypeClaimDenied, events.TypeClaimApproved,
		events.TypeClaimPaid, events.TypeEDI835Generated, events.TypeReconsiderationReceived, events.TypeReconsiderationInReview, events.TypeReconsiderationInfoRequested,
		events.TypeReconsiderationDecided, events.TypeAppealResolved}, t)
}

func total(parts ...*events.Money) *events.Money {
	var sum events.Money
	for _, p := range parts {
		if p == nil {
			return nil
		}
		var ok bool
		if sum, ok = sum.Add(*p); !ok {
			return nil
		}
	}
	return &sum
}
