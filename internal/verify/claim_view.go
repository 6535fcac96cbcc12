package verify

import (
	"context"
	"time"

	"payerflow/tables"
)

// Claims checks claim-status.
func (l *Log) Claims(ctx context.Context, v View, t ClaimTopics, http *Answers, wait time.Duration) (*Check, error) {
	return rowsOf(ctx, l, v, http, wait, l.claimSources(t), claimRow)
}

// ClaimsByMember checks the lists of members' claims.
func (l *Log) ClaimsByMember(ctx context.Context, v View, t ClaimTopics, http *Answers, wait time.Duration) (*Check, error) {
	return listOf(ctx, l, v, http, wait, "claimId", l.claimSources(t), claimRow, func(c tables.ClaimStatus) entry[tables.ClaimByMember] {
		return entry[tables.ClaimByMember]{string(c.MemberID), string(c.ClaimID), c.ServiceDate, tables.ClaimByMember{ClaimEntry: entryOf(c)}}
	})
}

// ClaimsByProvider is the same by provider.
func (l *Log) ClaimsByProvider(ctx context.Context, v View, t ClaimTopics, http *Answers, wait time.Duration) (*Check, error) {
	return listOf(ctx, l, v, http, wait, "claimId", l.claimSources(t), claimRow, func(c tables.ClaimStatus) entry[tables.ClaimByProvider] {
		return entry[tables.ClaimByProvider]{string(c.ProviderID), string(c.ClaimID), c.ServiceDate, tables.ClaimByProvider{ClaimEntry: entryOf(c)}}
	})
}

func claimRow(key string, c *claim) (tables.ClaimStatus, bool) { return c.row(key) }

func entryOf(c tables.ClaimStatus) tables.ClaimEntry {
	e := tables.ClaimEntry{ClaimID: c.ClaimID, MemberID: c.MemberID, ProviderID: c.ProviderID, Status: c.Status, StatusAt: c.StatusAt, ServiceDate: c.ServiceDate,
		ClaimType: c.ClaimType, PatientControlNumber: c.PatientControlNumber, Billed: c.Billed, Payable: c.Payable, Paid: c.Paid,
		MemberResponsibility: c.MemberResponsibility, DenialCode: c.DenialCode, AppealState: c.AppealState, AppealOutcome: c.AppealOutcome,
		PriorAuthState: c.PriorAuthState, Marked: len(c.Marks) > 0}
	for _, f := range c.History {
		e.LatestAt = max(e.LatestAt, f.At)
	}
	return e
}

// ClaimRow is what must be known of a claim of which these are the facts, in
// any order, and what it was told last by prior authorization and by member;
// false where there are no facts.
func ClaimRow(key string, facts []tables.ClaimFact, auths map[string]*tables.PriorAuth, graces map[string][]tables.ClaimGraceSpan) (tables.ClaimStatus, bool) {
	c := claim{facts: facts, auths: auths, graces: graces}
	return c.row(key)
}
