// This file answers: which X12 items are about a claim, and what do they say.

package processors

import (
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// PassEDIInbound passes a claim that came in as an 837 on to its claim. An item
// that names none is nobody's business here, and neither is the item of a test
// interchange (ISA15 is T), unless it is marked as synthetic.
func PassEDIInbound(row tables.EDIPassed, rec topology.Record[events.EDIInbound]) (tables.EDIPassed, []topology.Output) {
	e := rec.Body
	if e.Type != events.TypeEDI837Received || e.UsageIndicator == events.UsageTest && !rec.Synthetic {
		return row, notAboutAClaim
	}
	return passEDI(rec, e.ClaimID, events.ClaimEDI{Type: e.Type, EDITransactionID: e.EDITransactionID, At: e.ReceivedAt, MemberID: e.MemberID,
		ProviderID: e.ProviderID, PatientControlNumber: e.PatientControlNumber})
}

// PassEDIOutbound passes a remittance on to its claim.
func PassEDIOutbound(row tables.EDIPassed, rec topology.Record[events.EDIOutbound]) (tables.EDIPassed, []topology.Output) {
	e := rec.Body
	if e.Type != events.TypeEDI835Generated || e.UsageIndicator == events.UsageTest && !rec.Synthetic {
		return row, notAboutAClaim
	}
	return passEDI(rec, e.ClaimID, events.ClaimEDI{Type: e.Type, EDITransactionID: e.EDITransactionID, At: e.GeneratedAt, MemberID: e.MemberID,
		ProviderID: e.ProviderID, ClaimStatusCode: e.ClaimStatusCode, PaymentID: e.PaymentID, PaidAmount: e.PaidAmount})
}

var notAboutAClaim = []topology.Output{{Value: topology.Dropped{Code: "NOT_ABOUT_A_CLAIM"}}}

// passEDI keeps the event's identity, so that an item that comes twice is one
// fact of its claim.
func passEDI[E topology.Event](rec topology.Record[E], claim *events.ID, to events.ClaimEDI) (tables.EDIPassed, []topology.Output) {
	if claim == nil || *claim == "" {
		return tables.EDIPassed{}, notAboutAClaim
	}
	to.ClaimID = *claim
	id := topology.Header{Key: topology.HeaderID, Value: []byte(rec.ID())}
	return tables.EDIPassed{}, []topology.Output{{Key: string(to.ClaimID), Value: to, Headers: []topology.Header{id}}}
}

// FoldClaimEDI records an X12 item of the claim.
func FoldClaimEDI(row tables.ClaimStatus, rec topology.Record[events.ClaimEDI]) (tables.ClaimStatus, []topology.Output) {
	e := rec.Body
	f := claimFact(rec, orNone(e.MemberID), orNone(e.ProviderID))
	f.EDITransactionID, f.PatientControlNumber, f.ClaimStatusCode = &e.EDITransactionID, e.PatientControlNumber, e.ClaimStatusCode
	f.PaymentID, f.Paid = e.PaymentID, e.PaidAmount
	return addClaimFact(row, rec.Key, f)
}

func orNone(id *events.ID) events.ID {
	if id == nil {
		return ""
	}
	return *id
}

// reversal is the claim status of a remittance that takes a payment back.
const reversal = "22"

// markRemittances compares what the provider was told in 835s with what left
// the plan.
func markRemittances(mark func(bool, string), f claimFacts) {
	if len(f.remitted) == 0 {
		return
	}
	payments := paymentsOf(f)
	for _, r := range f.remitted {
		for _, p := range payments {
			mark(r.PaymentID != nil && *r.PaymentID == p.id && *r.ClaimStatusCode != reversal && *r.Paid != *p.best.Paid, MarkRemittanceDiffers)
		}
	}
}
