// This file answers: what would the rules be if these changes came into force
// together?

package processors

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"payerflow/events"
	"payerflow/tables"
)

// untaken is a change that did not pass, and why.
type untaken struct {
	change tables.ProposedChange
	faults []events.Fault
}

// attempt is a copy of the rules to be changed, and perhaps adopted.
func (r *Rules) attempt() *Rules {
	next := *r
	next.owned, next.sights, next.passing = map[string]bool{}, &sights{}, true
	return &next
}

// adopt takes over what came of an attempt.
func (r *Rules) adopt(next *Rules) {
	owned := r.owned
	*r = *next
	maps.Copy(owned, next.owned)
	r.owned, r.passing = owned, false
}

// trial applies changes, all or none, in whatever order lets them pass. The
// faults have pointers from the proposal's root.
func (r *Rules) trial(by events.Control, changes []tables.ProposedChange) (*Rules, []events.Fault) {
	var f faults
	rows := map[string]bool{}
	for i, c := range changes {
		f.unless(c.Act == events.ControlPut || c.Act == events.ControlDelete, events.InvalidValue, item("/changes", i)+"/act", "PUT or DELETE")
		f.unless(rowKinds()[c.Kind].proposed, events.InvalidValue, item("/changes", i)+"/kind", "rows of this kind are not changed by proposals")
		f.unless(!rows[c.Kind+"/"+c.Name], events.InvalidValue, item("/changes", i), "a change above is of the same row")
		rows[c.Kind+"/"+c.Name] = true
	}
	if len(f) > 0 {
		return nil, f
	}
	next := r.attempt()
	left := next.through(by, changes)
	if len(left) == 0 {
		return next, nil
	}
	for _, u := range left {
		at := item("/changes", slices.IndexFunc(changes, func(c tables.ProposedChange) bool { return c.Kind == u.change.Kind && c.Name == u.change.Name }))
		for _, wrong := range u.faults {
			if wrong.At != "" {
				wrong.At = "/row" + wrong.At
			}
			wrong.At, wrong.Reason = at+wrong.At, u.change.Kind+" "+u.change.Name+": "+wrong.Reason
			f = append(f, wrong)
		}
	}
	return nil, f
}

// through changes the rules in place as far as changes pass, and returns the
// others.
func (r *Rules) through(by events.Control, changes []tables.ProposedChange) (left []untaken) {
	for todo := changes; len(todo) > 0; {
		left = nil
		var again []tables.ProposedChange
		for _, c := range todo {
			one := events.Control{Kind: c.Kind, Name: c.Name, Version: c.Version + 1, Act: c.Act, Row: c.Row, By: by.By, Why: by.Why, At: by.At}
			e, faults := r.read(one)
			if len(faults) > 0 {
				left, again = append(left, untaken{c, faults}), append(again, c)
				continue
			}
			r.take(e, one)
		}
		if len(again) == len(todo) {
			return left
		}
		todo = again
	}
	return nil
}

// undo are the changes that bring rows back which other changes are about to
// change.
func (r *Rules) undo(changes []tables.ProposedChange) (out []tables.ProposedChange) {
	for _, c := range changes {
		back := tables.ProposedChange{Kind: c.Kind, Name: c.Name, Act: events.ControlDelete, Version: c.Version + 1}
		if c.Act == events.ControlDelete {
			back.Version = 0
		}
		if text, ok := r.Written(c.Kind, c.Name); ok {
			back.Act, back.Row = events.ControlPut, text
		}
		out = append(out, back)
	}
	return out
}

// With are the rules as they would be if changes came into force now, and why
// they cannot.
func (r *Rules) With(changes []tables.ProposedChange) (*Rules, []events.Fault) {
	next, faults := r.trial(events.Control{}, changes)
	if len(faults) > 0 {
		return nil, faults
	}
	next.passing = false
	return next.sealed(), nil
}

// Past is one version of a row. Row is its JSON as it was last written, ""
// where it was deleted.
type Past struct {
	Version int32          `json:"version"`
	Offset  int64          `json:"offset"` // of the change in the control log; -1: of the catalogue
	Act     string         `json:"act"`
	Row     string         `json:"row,omitempty"`
	By      string         `json:"by,omitempty"`
	Why     string         `json:"why,omitempty"`
	At      events.Instant `json:"at,omitempty"`
}

// remember keeps a version. Tokens have none: their hashes are of no use.
func (r *Rules) remember(c events.Control) {
	if !rowKinds()[c.Kind].proposed {
		return
	}
	if !r.owned[pastKind] {
		r.owned[pastKind] = true
		r.past = maps.Clone(r.past)
	}
	id := c.Kind + "/" + c.Name
	p := Past{Version: c.Version, Offset: r.offset - 1, Act: c.Act, Row: c.Row, By: c.By, Why: c.Why, At: c.At}
	if c.Act == events.ControlQuarantine {
		p.Row, _ = r.Written(c.Kind, c.Name)
	}
	r.past[id] = append(slices.Clip(r.past[id]), p)
}

const pastKind = "past"

// Past are all versions of a row, oldest first; of a row that was deleted and
// written again also the earlier ones, with the same numbers.
func (r *Rules) Past(kind, name string) []Past {
	all := r.past[kind+"/"+name]
	if t, ours := r.catalogue[name]; ours && kind == tables.KindEventType {
		text, err := json.Marshal(t, json.Deterministic(true))
		if err == nil {
			all = append([]Past{{Version: 1, Offset: -1, Act: events.ControlPut, Row: string(text)}}, all...)
		}
	}
	return all
}

// Written is a row as it was last written, false where there is none now.
func (r *Rules) Written(kind, name string) (string, bool) {
	if r.Version(kind, name) == 0 {
		return "", false
	}
	all := r.Past(kind, name)
	if len(all) == 0 {
		return "", false
	}
	return all[len(all)-1].Row, true
}

// Back is the change that brings a row back to a version; version 0 is none.
func (r *Rules) Back(kind, name string, version int32) (tables.ProposedChange, bool) {
	now := r.Version(kind, name)
	c := tables.ProposedChange{Kind: kind, Name: name, Act: events.ControlDelete, Version: now}
	if version == 0 {
		return c, now > 0
	}
	all := r.Past(kind, name)
	for i := len(all) - 1; i >= 0; i-- {
		if p := all[i]; p.Version == version && p.Act != events.ControlDelete {
			c.Act, c.Row = events.ControlPut, p.Row
			return c, true
		}
	}
	return c, false
}
