// Package access answers: who is asking, and what may they do?
package access

import (
	"context"
	"slices"

	"payerflow/tables"
)

// Principal is who holds a token that was checked.
type Principal struct {
	Token       string // its id, which is no secret
	Team        string
	Application string
	Scopes      tables.Scopes
}

type key struct{}

// With puts the principal into a request's context.
func With(ctx context.Context, p Principal) context.Context { return context.WithValue(ctx, key{}, p) }

// From is the principal of a request; none where the path is open to all.
func From(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(key{}).(Principal)
	return p, ok
}

// MayPublish says whether the principal may publish events of a type.
func (p Principal) MayPublish(eventType string) bool {
	return p.Scopes.Admin || tables.Matches(p.Scopes.Publish, eventType)
}

// MaySubscribe says whether the principal may get events of a type.
func (p Principal) MaySubscribe(eventType string) bool {
	return p.Scopes.Admin || tables.Matches(p.Scopes.Subscribe, eventType)
}

// rulesView shows the rows of all teams: a pattern does not reach it.
const rulesView = "mediator-rules"

// MayRead says whether the principal may read a view.
func (p Principal) MayRead(view string) bool {
	if view == rulesView {
		return p.Scopes.Admin || slices.Contains(p.Scopes.Read, view)
	}
	return p.Scopes.Admin || tables.Matches(p.Scopes.Read, view)
}

// Acts says whether the principal may act for a team.
func (p Principal) Acts(team string) bool { return p.Scopes.Admin || p.Team == team }
