package processors

import (
	"strings"

	"payerflow/events"
	"payerflow/tables"
)

// Bounds of a subscription.
const (
	maxRetries    = 10
	maxPartitions = 12
)

type subscription struct{ tables.Subscription }

func (s *subscription) team() string { return s.Team }

func (s *subscription) put(r *Rules, version int32) {
	if s.State != tables.StateQuarantined {
		s.Reason = ""
	}
	r.subscriptions[s.ID()] = row[tables.Subscription]{version, s.Subscription}
}

func (s *subscription) drop(r *Rules) { delete(r.subscriptions, s.ID()) }

func (s *subscription) check(r *Rules) []events.Fault {
	var f faults
	f.name("/team", s.Team)
	f.name("/name", s.Name)
	f.patterns("/eventTypes", s.EventTypes)
	f.known(r, "/eventTypes", s.EventTypes)
	f.short("/rules", len(s.Rules))
	for i, name := range s.Rules {
		_, ok := r.rules[s.Team+"/"+name]
		f.unless(ok && !strings.Contains(name, "/"), UnknownRow, item("/rules", i), "the team has no such routing rule: write the rule first")
	}
	f.tags("/tags/allOf", s.Tags.AllOf)
	f.tags("/tags/anyOf", s.Tags.AnyOf)
	f.tags("/tags/noneOf", s.Tags.NoneOf)
	f.oneOf("/synthetic", s.Synthetic, tables.PassThrough, tables.Discard)
	if s.Delivery == "webhook" {
		f.add(NotBuilt, "/delivery", "webhooks are still to come: take topic, stream or pull")
	} else {
		f.oneOf("/delivery", s.Delivery, tables.DeliverTopic, tables.DeliverStream, tables.DeliverPull)
	}
	f.unless(s.Partitions >= 1 && s.Partitions <= maxPartitions, events.InvalidValue, "/partitions", "1 to 12")
	f.unless(s.Retries >= 0 && s.Retries <= maxRetries, events.InvalidValue, "/retries", "0 to 10")
	f.oneOf("/state", s.State, tables.StateActive, tables.StatePaused, tables.StateShadow)
	return f
}

func (s *subscription) checkDrop(r *Rules) []events.Fault {
	for _, other := range r.rules {
		if other.value.Destination == s.ID() {
			return fault(RowInUse, "", "a routing rule has it as destination: delete the rule first")
		}
	}
	return nil
}

// known refuses names of event types that nobody registered. Patterns may
// match nothing yet.
func (f *faults) known(r *Rules, at string, names []string) {
	for i, name := range names {
		_, ok := r.types[name]
		f.unless(ok || strings.Contains(name, "*"), events.UnknownEventType, item(at, i), "no event type has this name: register it, or write a pattern")
	}
}
