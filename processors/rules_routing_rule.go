package processors

import (
	"maps"
	"slices"
	"strings"

	"payerflow/events"
	"payerflow/tables"
)

type routingRule struct{ tables.RoutingRule }

func (u *routingRule) team() string { return u.Team }

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
	f.oneOf("/state", u.State, tables.StateActive, tables.StatePaused, tables.StateShadow)
	u.checkCondition(r, &f)
	return f
}

// checkCondition holds the condition against every type that there is of
// those that the rule names.
func (u *routingRule) checkCondition(r *Rules, f *faults) {
	if u.Condition == "" {
		return
	}
	if len(u.Condition) > maxCondition {
		f.add(InvalidCEL, conditionAt, "at most 4 KiB")
		return
	}
	for _, t := range r.named(u.EventTypes) {
		for _, fault := range r.unfit(u.RoutingRule, t) {
			fault.Reason = t.Name + ": " + fault.Reason
			*f = append(*f, fault)
		}
		if len(*f) > maxIssues {
			return
		}
	}
}

// named are the registered types that a list of names and patterns means, by name.
func (r *Rules) named(names []string) []*registered {
	found := map[string]*registered{}
	for _, name := range names {
		if t := r.types[name].value; t != nil {
			found[name] = t
		} else if strings.Contains(name, "*") {
			for each, t := range r.types {
				if tables.Matches([]string{name}, each) {
					found[each] = t.value
				}
			}
		}
	}
	all := make([]*registered, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[name])
	}
	return all
}

// unfit is why a rule's condition cannot be asked of events of a type.
func (r *Rules) unfit(u tables.RoutingRule, t *registered) []events.Fault {
	if u.Condition == "" {
		return nil
	}
	l, err := t.language()
	if err != nil {
		return fault(InvalidSchema, conditionAt, "the type's schema cannot be read")
	}
	c := l.condition(u.Condition)
	if len(c.faults) > 0 {
		return c.faults
	}
	return c.hidden(r.sight(u.Team, t))
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

// RoutingRule finds a routing rule by team/name, as it stands: an active rule
// that no event type suits, or that looks at what its team may not see, is
// QUARANTINED until that changes; Reason says why, also where only some types
// do not suit it.
func (r *Rules) RoutingRule(id string) (tables.RoutingRule, bool) {
	u, ok := r.rules[id]
	return r.standing(u.value), ok
}

// RoutingRules are all routing rules by id, as they stand.
func (r *Rules) RoutingRules() []tables.RoutingRule {
	all := sorted(r.rules)
	for i, u := range all {
		all[i] = r.standing(u)
	}
	return all
}

func (r *Rules) standing(u tables.RoutingRule) tables.RoutingRule {
	if u.State != tables.StateActive && u.State != tables.StateShadow || u.Condition == "" {
		return u
	}
	var why []string
	of := r.named(u.EventTypes)
	for _, t := range of {
		if f := r.unfit(u, t); len(f) > 0 {
			why = append(why, t.Name+": "+f[0].Reason)
		}
	}
	if len(why) > 0 {
		u.Reason = strings.Join(why, "; ")
		if len(why) == len(of) {
			u.State = tables.StateQuarantined
		}
	}
	return u
}
