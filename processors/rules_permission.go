package processors

import (
	"payerflow/events"
	"payerflow/tables"
)

type permission struct{ tables.Permission }

func (p *permission) put(r *Rules, version int32) {
	r.permissions[p.ID()] = row[tables.Permission]{version, p.Permission}
}

func (p *permission) drop(r *Rules)                   { delete(r.permissions, p.ID()) }
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
	for _, p := range r.routes.granted()[team] {
		if (p.Application == "" || p.Application == application) && (len(p.EventTypes) == 0 || tables.Matches(p.EventTypes, eventType)) {
			seen[p.Class] = true
		}
	}
	return seen
}
