package verify

import (
	"cmp"
	"context"
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// authorization is what the log says of one prior authorization.
type authorization struct{ decisions []tables.AuthDecision }

// PriorAuths checks prior-auths.
func (l *Log) PriorAuths(ctx context.Context, v View, decided Follower, http *Answers, wait time.Duration) (*Check, error) {
	from := func(to taking[authorization]) ([]source, error) {
		s, err := factsOf(l, decided, eventBytes, to, func(a *authorization, id string, e events.PriorAuthDecided) {
			a.decisions = append(a.decisions, tables.AuthDecision{ID: id, Type: e.Type, At: e.DecidedAt, MemberID: e.MemberID, ProviderID: e.ProviderID, PlanID: e.PlanID,
				ClaimID: e.ClaimID, ServiceCode: e.ServiceCode, ApprovedUnits: e.ApprovedUnits, EffectiveDate: e.EffectiveDate, ExpirationDate: e.ExpirationDate,
				DenialCode: e.DenialReasonCode, DenialText: e.DenialReasonText})
		})
		return []source{s}, err
	}
	return rowsOf(ctx, l, v, http, wait, from, func(key string, a *authorization) (tables.PriorAuth, bool) { return PriorAuthRow(key, a.decisions) })
}

// PriorAuthRow has the decisions by event time; of two at one instant the
// denial is the later.
func PriorAuthRow(id string, decisions []tables.AuthDecision) (tables.PriorAuth, bool) {
	denial := func(d tables.AuthDecision) int {
		if d.Type == events.TypePriorAuthDenied {
			return 1
		}
		return 0
	}
	kept, _ := newest(decisions, len(decisions), func(a, b tables.AuthDecision) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(denial(a), denial(b)), cmp.Compare(a.ID, b.ID))
	})
	return tables.PriorAuth{PriorAuthID: events.ID(id), Decisions: kept}, len(kept) > 0
}
