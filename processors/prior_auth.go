// This file answers: what did the plan decide about this prior authorization.

package processors

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// maxAuthDecisions bounds a row; what comes after is parked, not lost.
const maxAuthDecisions = 100

// FoldPriorAuthDecided records a decision on a prior authorization.
func FoldPriorAuthDecided(row tables.PriorAuth, rec topology.Record[events.PriorAuthDecided]) (tables.PriorAuth, []topology.Output) {
	e := rec.Body
	d := tables.AuthDecision{
		ID: rec.ID(), Type: e.Type, At: e.DecidedAt, MemberID: e.MemberID, ProviderID: e.ProviderID, PlanID: e.PlanID, ClaimID: e.ClaimID, ServiceCode: e.ServiceCode,
		ApprovedUnits: e.ApprovedUnits, EffectiveDate: e.EffectiveDate, ExpirationDate: e.ExpirationDate, DenialCode: e.DenialReasonCode, DenialText: e.DenialReasonText,
	}
	if slices.ContainsFunc(row.Decisions, func(h tables.AuthDecision) bool { return h.ID == d.ID && h.Type == d.Type }) {
		return row, nil
	}
	if len(row.Decisions) >= maxAuthDecisions {
		return row, []topology.Output{{Key: rec.Key, Value: topology.Reject{ReasonCode: "TOO_MANY_FACTS", Reason: "the prior authorization has 100 decisions already"}}}
	}
	at, _ := slices.BinarySearchFunc(row.Decisions, d, func(a, b tables.AuthDecision) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID)) // of one instant the denial comes last
	})
	return tables.PriorAuth{PriorAuthID: events.ID(rec.Key), Decisions: slices.Insert(slices.Clone(row.Decisions), at, d)}, nil
}
