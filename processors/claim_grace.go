// This file answers: what becomes of a claim because its member is behind with
// premiums.

package processors

import (
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// FoldMemberGrace records what the grace periods of the claim's member say about
// days of service. What is told about another member came too late to matter.
func FoldMemberGrace(row tables.ClaimStatus, rec topology.Record[topology.Answered[tables.MemberGrace]]) (tables.ClaimStatus, []topology.Output) {
	if len(row.History) == 0 || string(row.MemberID) != rec.Body.Key {
		return row, answeredLate
	}
	row.GraceSpans = nil
	if rec.Body.Value != nil {
		for _, s := range rec.Body.Value.All() {
			row.GraceSpans = append(row.GraceSpans, tables.ClaimGraceSpan(s))
		}
	}
	return settleClaim(rec.Key, row), nil
}

// settlePend says what the date of service is to the member's grace periods. A
// claim that nobody has decided is pended where it may be (45 CFR
// 156.270(d)(1)); one that was decided is not undone.
func settlePend(row *tables.ClaimStatus, member events.ID) {
	if row.MemberID != member || row.GraceSpans == nil {
		row.GraceSpans = []tables.ClaimGraceSpan{}
	}
	if row.ServiceDate == nil {
		return
	}
	for _, s := range row.GraceSpans {
		if s.From <= *row.ServiceDate && *row.ServiceDate <= s.To {
			row.Grace = &s.Claims
		}
	}
	if row.Grace != nil && *row.Grace == tables.ClaimsPendable && row.Status == tables.ClaimSubmitted {
		row.Status = tables.ClaimPended
	}
}
