package processors

import (
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

type permission struct{ tables.Permission }

func (p *permission) team() string { return p.Team }

func (p *permission) put(r *Rules, version int32) {
	r.revoke(p.Permission)
	r.permissions[p.ID()] = row[tables.Permission]{version, p.Permission}
	r.granted[p.Team] = append(slices.Clip(r.granted[p.Team]), p.Permission)
}

func (r *Rules) revoke(p tables.Permission) {
	r.sights.forget(p.Team)
	if _, ok := r.permissions[p.ID()]; !ok {
		return
	}
	delete(r.permissions, p.ID())
	r.granted[p.Team] = slices.DeleteFunc(slices.Clone(r.granted[p.Team]), func(o tables.Permission) bool { return o.ID() == p.ID() })
}

func (p *permission) drop(r *Rules)                   { r.revoke(p.Permission) }
func (p *permission) checkDrop(*Rules) []events.Fault { return nil }

func (p *permission) check(*Rules) []events.Fault {
	var f faults
	f.name("/team", p.Team)
	if p.Application != "" {
		f.name("/application", p.Application)
	}
	f.class("/class", p.Class)
	f.patterns("/eventTypes", p.EventTypes)
	return f
}

// Classes are the classes of fields of an event type that a team, or one
// application of it, may see. PUBLIC is always among them; with no application
// only what the whole team may see.
func (r *Rules) Classes(team, application, eventType string) map[string]bool {
	seen := map[string]bool{tables.ClassPublic: true}
	for _, p := range r.granted[team] {
		if (p.Application == "" || p.Application == application) && (len(p.EventTypes) == 0 || tables.Matches(p.EventTypes, eventType)) {
			seen[p.Class] = true
		}
	}
	return seen
}

// Seen are the classes beside PUBLIC that a team, or one application of it, may
// see of any event type, sorted.
func (r *Rules) Seen(team, application string) (classes []string) {
	for _, p := range r.granted[team] {
		if (p.Application == "" || p.Application == application) && p.Class != tables.ClassPublic {
			classes = append(classes, p.Class)
		}
	}
	slices.Sort(classes)
	return slices.Compact(classes)
}
