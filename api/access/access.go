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
	Broken      []tables.BreakGlass // that hold now
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

// Breaks says why the principal sees a view that its scopes do not name, where
// it broke the glass before it.
func (p Principal) Breaks(view string) (reason string, ok bool) {
	for _, b := range p.Broken {
		if b.Shows(view) {
			return b.Reason, true
		}
	}
	return "", false
}

// Opened are the classes that the principal sees by having broken the glass,
// and why.
func (p Principal) Opened() (classes []string, reason string) {
	for _, b := range p.Broken {
		if len(b.Classes) > 0 {
			classes, reason = append(classes, b.Classes...), b.Reason
		}
	}
	return classes, reason
}

// Acts says whether the principal may act for a team.
func (p Principal) Acts(team string) bool { return p.Scopes.Admin || p.Team == team }
