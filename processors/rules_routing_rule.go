package processors

import (
	"strings"

	"payerflow/events"
	"payerflow/tables"
)

type routingRule struct{ tables.RoutingRule }

func (u *routingRule) put(r *Rules, version int32) {
	if u.State != tables.StateQuarantined {
		u.Reason = ""
	}
	r.rules[u.ID()] = row[tables.RoutingRule]{version, u.RoutingRule}
}

func (u *routingRule) drop(r *Rules) { delete(r.rules, u.ID()) }

func (u *routingRule) check(r *Rules) []events.Fault {
	var f faults
	f.name("/team", u.Team)
	f.name("/name", u.Name)
	f.unless(len(u.EventTypes) > 0, events.MissingField, "/eventTypes", "name at least one event type or pattern")
	f.patterns("/eventTypes", u.EventTypes)
	f.known(r, "/eventTypes", u.EventTypes)
	if u.Destination != "" {
		team, _, _ := strings.Cut(u.Destination, "/")
		_, ok := r.subscriptions[u.Destination]
		f.unless(team == u.Team, OtherTeam, "/destination", "a rule sends to subscriptions of its own team")
		f.unless(ok || team != u.Team, UnknownRow, "/destination", "the team has no such subscription: write it first")
	}
	f.oneOf("/state", u.State, tables.StateActive, tables.StatePaused)
	f.unless(u.Condition == "", NotBuilt, "/condition", "conditions are still to come")
	return f
}

func (u *routingRule) checkDrop(r *Rules) []events.Fault {
	for _, s := range r.subscriptions {
		if s.value.Team != u.Team {
			continue
		}
		for _, name := range s.value.Rules {
			if name == u.Name {
				return fault(RowInUse, "", "a subscription names the rule: take it out there first")
			}
		}
	}
	return nil
}

// RoutingRule finds a routing rule by team/name.
func (r *Rules) RoutingRule(id string) (tables.RoutingRule, bool) { return find(r.rules, id) }

// RoutingRules are all routing rules by id.
func (r *Rules) RoutingRules() []tables.RoutingRule { return sorted(r.rules) }
