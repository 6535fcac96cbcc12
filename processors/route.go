package processors

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"payerflow/events"
	"payerflow/tables"
)

// Routed says who gets an event, and which rules failed on it.
type Routed struct {
	Deliveries []Delivery // by subscription id, each once
	Failed     []Quarantine
}

// Delivery is one subscription's copy of an event.
type Delivery struct {
	Subscription tables.Subscription
	Mask         *Mask
}

// Quarantine is a rule that failed at run time. The subscription got nothing
// from it; a QUARANTINE control event takes it out.
type Quarantine struct{ Kind, Name, Reason string }

// routes is what routing needs of rules, made when it is first asked for.
type routes struct {
	granted func() map[string][]tables.Permission // by team
	masks   sync.Map                              // maskKey -> *Mask
}

type maskKey struct{ eventType, classes string }

func newRoutes(r *Rules) *routes {
	permissions := r.permissions
	return &routes{granted: sync.OnceValue(func() map[string][]tables.Permission {
		by := map[string][]tables.Permission{}
		for _, p := range permissions {
			by[p.value.Team] = append(by[p.value.Team], p.value)
		}
		return by
	})}
}

// Mask is what a team, or one application of it, may see of an event type. An
// unknown type has a mask that withholds everything.
func (r *Rules) Mask(team, application, eventType string) *Mask {
	classes := r.Classes(team, application, eventType)
	key := maskKey{eventType, strings.Join(slices.Sorted(maps.Keys(classes)), " ")}
	if m, ok := r.routes.masks.Load(key); ok {
		return m.(*Mask)
	}
	t, ok := r.types[eventType]
	if !ok {
		return NewMask(tables.EventType{Name: eventType}, nil, r.secret)
	}
	m, _ := r.routes.masks.LoadOrStore(key, NewMask(t.value, classes, r.secret))
	return m.(*Mask)
}

// Route says which active subscriptions get an event. An event of a type that
// is not registered goes to nobody.
func (r *Rules) Route(e events.Envelope) Routed {
	var out Routed
	if _, ok := r.types[string(e.Type)]; !ok {
		return out
	}
	for _, s := range r.subscriptions {
		if s := s.value; r.takes(s, e) {
			out.Deliveries = append(out.Deliveries, Delivery{s, r.Mask(s.Team, "", string(e.Type))})
		}
	}
	slices.SortFunc(out.Deliveries, func(a, b Delivery) int { return cmp.Compare(a.Subscription.ID(), b.Subscription.ID()) })
	return out
}

func (r *Rules) takes(s tables.Subscription, e events.Envelope) bool {
	if s.State != tables.StateActive || (e.Synthetic && s.Synthetic != tables.PassThrough) || !s.Tags.Takes(e.Tags) {
		return false
	}
	named := len(s.EventTypes) > 0 && tables.Matches(s.EventTypes, string(e.Type))
	if len(s.Rules) == 0 && named {
		return true
	}
	for _, u := range r.rules {
		u := u.value
		mine := u.Destination == s.ID() || (u.Team == s.Team && slices.Contains(s.Rules, u.Name) && (named || len(s.EventTypes) == 0))
		if mine && u.State == tables.StateActive && tables.Matches(u.EventTypes, string(e.Type)) {
			return true
		}
	}
	return false
}
