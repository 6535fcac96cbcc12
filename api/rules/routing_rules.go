package rules

import (
	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/processors"
	"payerflow/tables"
)

func (d *Door) routingRules() resource[tables.RoutingRule] {
	return resource[tables.RoutingRule]{
		kind: tables.KindRoutingRule, noun: "routing rule", path: "/v1/routing-rules", one: "/{team}/{name}", tag: "rules",
		id: tables.RoutingRule.ID, find: (*processors.Rules).RoutingRule, all: (*processors.Rules).RoutingRules,
		shown: func(c caller, u tables.RoutingRule) (tables.RoutingRule, bool) { return u, c.Acts(u.Team) },
		may: func(c caller, u tables.RoutingRule) error {
			if !c.Acts(u.Team) {
				return access.Forbidden("a routing rule is its team's")
			}
			return c.within(u.EventTypes)
		},
		says: func(u tables.RoutingRule) []string {
			return append([]string{u.ID(), u.Doc, u.Destination, u.State}, u.EventTypes...)
		},
		fill: func(c caller, u *tables.RoutingRule) {
			team, name := halves(c.id)
			given(&u.Team, team)
			given(&u.Name, name)
			given(&u.State, tables.StateActive)
		},
	}
}

func (d *Door) registerRoutingRules(api huma.API) {
	r := d.routingRules()
	list(d, api, r)
	get(d, api, r)
	put(d, api, r)
	drop(d, api, r, nil)
	turn(d, api, r, "pause", "Ask a rule no more", func(u *tables.RoutingRule) { u.State = tables.StatePaused })
	turn(d, api, r, "resume", "Go by a rule again, also after a quarantine or shadow mode", func(u *tables.RoutingRule) { u.State = tables.StateActive })
	turn(d, api, r, "shadow", "Ask a rule of live traffic, and only count", func(u *tables.RoutingRule) { u.State = tables.StateShadow })
}

// within holds event types and patterns to what the token may subscribe to,
// also as types are registered later. No list at all asks for everything.
func (c caller) within(eventTypes []string) error {
	if c.Scopes.Admin {
		return nil
	}
	if len(eventTypes) == 0 {
		eventTypes = []string{"*"}
	}
	for _, pattern := range eventTypes {
		if !access.Covers(c.Scopes.Subscribe, pattern) {
			return access.Forbidden("the token's subscribe scopes do not hold all of these event types: a pattern must lie within one of its patterns")
		}
	}
	return nil
}
