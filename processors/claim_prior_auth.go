// This file answers: did the plan agree beforehand to what a claim asks for.

package processors

import (
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// FoldPriorAuth records what was decided about the prior authorization that the
// claim names. What is told about another one came too late to matter.
func FoldPriorAuth(row tables.ClaimStatus, rec topology.Record[topology.Answered[tables.PriorAuth]]) (tables.ClaimStatus, []topology.Output) {
	if len(row.History) == 0 || row.PriorAuthID == nil || string(*row.PriorAuthID) != rec.Body.Key {
		return row, answeredLate
	}
	row.PriorAuth = rec.Body.Value
	return settleClaim(rec.Key, row), nil
}

// answeredLate drops an answer to a question that the row does not ask any more.
var answeredLate = []topology.Output{{Value: topology.Dropped{Code: "NOT_ASKED"}}}

// settlePriorAuth takes what the latest submission says. What was told about
// another authorization than the one it names falls away.
func settlePriorAuth(row *tables.ClaimStatus, f claimFacts) {
	for _, s := range f.submitted {
		row.RequiresPriorAuth = s.RequiresPriorAuth
		if s.PriorAuthID != nil {
			row.PriorAuthID = s.PriorAuthID
		}
		if s.ServiceCode != nil {
			row.ServiceCode = s.ServiceCode
		}
	}
	if row.PriorAuth != nil && (row.PriorAuthID == nil || row.PriorAuth.PriorAuthID != *row.PriorAuthID) {
		row.PriorAuth = nil
	}
	if state := authState(row); state != "" {
		row.PriorAuthState = &state
	}
}

func authState(row *tables.ClaimStatus) string {
	required := row.RequiresPriorAuth != nil && *row.RequiresPriorAuth
	switch {
	case row.PriorAuthID == nil && required:
		return tables.AuthMissing
	case row.PriorAuthID == nil:
		return ""
	case row.PriorAuth == nil || row.PriorAuth.InForce() == nil:
		return tables.AuthUndecided
	}
	d := row.PriorAuth.InForce()
	switch {
	case d.MemberID != row.MemberID:
		return tables.AuthOtherMember // and nothing of what was decided
	case d.Type != events.TypePriorAuthApproved:
		return tables.AuthDenied
	case d.ClaimID != nil && *d.ClaimID != row.ClaimID:
		return tables.AuthOtherClaim
	case d.ServiceCode != nil && row.ServiceCode != nil && *d.ServiceCode != *row.ServiceCode:
		return tables.AuthOtherService
	case row.ServiceDate == nil || d.Covers(*row.ServiceDate):
		return tables.AuthApproved
	case *row.ServiceDate < *d.EffectiveDate:
		return tables.AuthNotYet
	}
	return tables.AuthExpired
}

func markPriorAuth(mark func(bool, string), row *tables.ClaimStatus) {
	if row.PriorAuthState == nil {
		return
	}
	types, ours := map[events.Type]bool{}, *row.PriorAuthState != tables.AuthOtherMember
	if row.PriorAuth != nil && ours {
		for _, d := range row.PriorAuth.Decisions {
			types[d.Type] = true
		}
	}
	mark(len(types) > 1, MarkAuthReversed)
	mark(!ours, MarkAuthOtherMember)
	required := row.RequiresPriorAuth != nil && *row.RequiresPriorAuth
	granted := *row.PriorAuthState == tables.AuthApproved || *row.PriorAuthState == tables.AuthUndecided
	mark(required && !granted && (row.Status == tables.ClaimApproved || row.Status == tables.ClaimPaid), MarkApprovedUnauthorized)
}
