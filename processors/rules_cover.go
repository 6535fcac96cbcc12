package processors

import (
	"slices"
	"strings"

	"payerflow/tables"
)

// cover says which rules and subscriptions an event type may concern, so that
// the index of a type is made without looking at all of them.
type cover struct {
	direct ofTypes[*subscriber]        // subscriptions to whole types
	rules  ofTypes[tables.RoutingRule] // active rules, and those in shadow mode
	users  map[string][]*subscriber    // of a rule: those who name it, and its destination
	steps  ofTypes[*subscriber]        // of active aggregations
}

// subscriber is an active subscription, or one in shadow mode; order is its
// place among all.
type subscriber struct {
	tables.Subscription
	order  int
	shadow bool
	match  *match // of a step of an aggregation: it gets facts, and no copies
}

// ofTypes are values by the event types that they name.
type ofTypes[T any] struct {
	named    map[string][]T
	patterns []patterned[T]
}

type patterned[T any] struct {
	pattern string
	value   T
}

func (o *ofTypes[T]) add(names []string, v T) {
	for _, name := range names {
		if strings.Contains(name, "*") {
			o.patterns = append(o.patterns, patterned[T]{name, v})
			continue
		}
		if o.named == nil {
			o.named = map[string][]T{}
		}
		o.named[name] = append(o.named[name], v)
	}
}

// of are the values for a type; one may be there twice.
func (o *ofTypes[T]) of(eventType string) []T {
	all := slices.Clip(o.named[eventType])
	for _, p := range o.patterns {
		if tables.Matches([]string{p.pattern}, eventType) {
			all = append(all, p.value)
		}
	}
	return all
}

func newCover(r *Rules) *cover {
	c := &cover{users: map[string][]*subscriber{}}
	subscribers := map[string]*subscriber{}
	for i, s := range r.Subscriptions() {
		if s.State != tables.StateActive && s.State != tables.StateShadow {
			continue
		}
		sub := &subscriber{Subscription: s, order: i, shadow: s.State == tables.StateShadow}
		subscribers[s.ID()] = sub
		if len(s.Rules) == 0 {
			c.direct.add(s.EventTypes, sub)
		}
		for _, name := range s.Rules {
			id := s.Team + "/" + name
			c.users[id] = append(c.users[id], sub)
		}
	}
	order := len(r.subscriptions)
	for _, a := range sorted(r.aggregations) {
		if a.State != tables.StateActive {
			continue
		}
		for i, s := range a.Steps {
			sub := &subscriber{Subscription: tables.Subscription{Team: a.Team, Name: a.Name, Synthetic: a.Synthetic}, order: order, match: r.match(a, i)}
			c.steps.add(s.EventTypes, sub)
			order++
		}
	}
	for id, u := range r.rules {
		u := u.value
		if u.State != tables.StateActive && u.State != tables.StateShadow {
			continue
		}
		c.rules.add(u.EventTypes, u)
		if s := subscribers[u.Destination]; s != nil {
			c.users[id] = append(c.users[id], s)
		}
	}
	return c
}

// takes says whether a subscriber gets what a rule selects: all of it where
// the rule sends it there, else what is of the subscription's own types.
func (s *subscriber) takes(u tables.RoutingRule, eventType string) bool {
	return u.Destination == s.ID() || len(s.EventTypes) == 0 || tables.Matches(s.EventTypes, eventType)
}
