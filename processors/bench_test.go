package processors_test

import (
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// BenchmarkFoldClaim folds the life of one claim: submitted, approved, paid.
func BenchmarkFoldClaim(b *testing.B) {
	at := time.Date(2026, 1, 16, 10, 0, 0, 0, time.UTC)
	billed, allowed, paid, share, status := events.Money(25000), events.Money(18000), events.Money(14400), events.Money(3600), "APPROVED"
	submitted := topology.Record[events.ClaimSubmitted]{Key: "c1", At: at, ID: func() string { return "1" }, Body: events.ClaimSubmitted{
		Type: events.TypeClaimSubmitted, ClaimID: "c1", MemberID: "m1", ProviderID: "p1", PlanID: "pl", ClaimType: "PROFESSIONAL", TotalBilledAmount: billed}}
	approved := topology.Record[events.ClaimAdjudicated]{Key: "c1", At: at.Add(time.Hour), ID: func() string { return "2" }, Body: events.ClaimAdjudicated{
		Type: events.TypeClaimApproved, ClaimID: "c1", MemberID: "m1", ProviderID: "p1", Status: &status,
		TotalBilledAmount: &billed, AllowedAmount: &allowed, PaidAmount: &paid, MemberResponsibility: &share}}
	payment := topology.Record[events.ClaimPaid]{Key: "c1", At: at.Add(2 * time.Hour), ID: func() string { return "3" }, Body: events.ClaimPaid{
		Type: events.TypeClaimPaid, ClaimID: "c1", MemberID: "m1", ProviderID: "p1", PaymentID: "pay", PaidAmount: paid, RecordedBy: events.RecordedByBilling}}
	b.ReportAllocs()
	for b.Loop() {
		row, _ := processors.FoldClaimSubmitted(tables.ClaimStatus{}, submitted)
		row, _ = processors.FoldClaimAdjudicated(row, approved)
		row, _ = processors.FoldClaimPaid(row, payment)
		if row.Status != tables.ClaimPaid {
			b.Fatal(row.Status)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/3, "ns/event")
}

// BenchmarkFoldReconsidered folds the next report of a system into a claim that
// two systems have reported on six times, with its prior authorization and its
// member's grace period.
func BenchmarkFoldReconsidered(b *testing.B) {
	facts := numbered(submitted(1, named), denied(2), told(3, "x", received), told(4, "y", received), told(5, "x", inReview), told(6, "x", wanted), told(7, "x", inReview),
		told(8, "y", inReview), authTold(granted(0)), graceTold("m", "2026-02-01/2026-02-28/PAID 2026-03-01/2026-04-30/PENDABLE"))
	row := fold(b, facts)
	last := told(9, "y", decided)
	last.id = "last"
	b.ReportAllocs()
	for b.Loop() {
		if next, _ := step(row, last); *next.AppealState != tables.AppealDecided {
			b.Fatal(*next.AppealState)
		}
	}
}
