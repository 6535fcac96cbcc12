package processors

import (
	"slices"
	"strings"

	"payerflow/events"
	"payerflow/tables"
)

// A new type is noun, verb, object and perhaps subobject.
const (
	minParts = 3
	maxParts = 4
)

type eventType struct{ tables.EventType }

func (t *eventType) team() string { return t.Owner }

func (t *eventType) put(r *Rules, version int32) {
	r.sights.clear()
	r.types[t.Name] = row[*registered]{version, register(t.EventType, r.types[t.Name].value)}
	if all := r.published[t.Name]; len(all) < int(t.Version) {
		r.published[t.Name] = append(slices.Clip(all), t.Schema)
	}
}

func (t *eventType) drop(r *Rules) {
	r.sights.clear()
	delete(r.types, t.Name)
}

func (t *eventType) check(r *Rules) []events.Fault {
	var f faults
	f.unless(len(t.Name) <= maxTypeBytes && legalType.MatchString(t.Name), InvalidName, "/name", "letters, digits and -_., a letter or digit first")
	if given, ours := r.catalogue[t.Name]; ours {
		f.sameAsCatalogue(given, t.EventType)
	} else {
		f.parts(t.EventType)
		f.name("/owner", t.Owner)
		f.unless(t.Topic == "" && t.Subject == "", events.InvalidValue, "/topic", "only types of the catalogue have a domain topic")
	}
	f.unless(t.KeyField == "" || legalPointer(t.KeyField), events.InvalidValue, "/keyField", "must be a JSON pointer as RFC 6901 has it, or empty")
	before, known := r.EventType(t.Name)
	f.unless(!known || t.KeyField == before.KeyField, Incompatible, "/keyField", "a type keeps its key: the order of an entity's events hangs on it")
	f.schema(r, t.EventType)
	f.fields("/fields", t.Fields)
	f.metadata(t.Metadata)
	f.tags("/tags", t.Tags)
	f.oneOf("/state", t.State, tables.StateActive, tables.StateDeprecated)
	return f
}

func (f *faults) sameAsCatalogue(given, t tables.EventType) {
	f.unless(t.Owner == given.Owner, OtherTeam, "/owner", "a type of the catalogue stays with its owner")
	f.unless(slices.Equal(t.Parts, given.Parts), events.InvalidValue, "/parts", "a type of the catalogue keeps its name")
	f.unless(t.Topic == given.Topic && t.Subject == given.Subject, events.InvalidValue, "/topic", "a type of the catalogue keeps its domain topic")
}

func (f *faults) parts(t tables.EventType) {
	f.unless(len(t.Parts) >= minParts && len(t.Parts) <= maxParts, events.InvalidValue, "/parts", "noun, verb, object and perhaps subobject")
	for i, p := range t.Parts {
		f.unless(legalType.MatchString(p), InvalidName, item("/parts", i), "letters, digits and -_.")
	}
	f.unless(strings.Join(t.Parts, "-") == t.Name, events.InvalidValue, "/name", "must be the parts joined with hyphens")
}

func (t *eventType) checkDrop(r *Rules) []events.Fault {
	var f faults
	_, ours := r.catalogue[t.Name]
	f.unless(!ours, OtherTeam, "", "types of the catalogue stay: deprecate it")
	for _, u := range r.rules {
		if slices.Contains(u.value.EventTypes, t.Name) {
			f.add(RowInUse, "", "a routing rule names the type")
			break
		}
	}
	for _, s := range r.subscriptions {
		if slices.Contains(s.value.EventTypes, t.Name) {
			f.add(RowInUse, "", "a subscription names the type")
			break
		}
	}
	for _, a := range r.aggregations {
		if a.value.Output == t.Name || slices.ContainsFunc(a.value.Steps, func(s tables.AggregationStep) bool { return slices.Contains(s.EventTypes, t.Name) }) {
			f.add(RowInUse, "", "an aggregation names the type")
			break
		}
	}
	return f
}

// fields holds the lines of classes to pointers and classes that can be read.
func (f *faults) fields(at string, fields []tables.Field) {
	f.unless(len(fields) <= maxFields, "TOO_MANY", at, "at most 2000")
	seen := map[string]bool{}
	for i, field := range fields {
		line := item(at, i)
		f.unless(legalPointer(field.Pointer), events.InvalidValue, line+"/pointer", "must be a JSON pointer as RFC 6901 has it")
		f.unless(!seen[field.Pointer], events.InvalidValue, line+"/pointer", "a line above has this pointer")
		seen[field.Pointer] = true
		f.class(line+"/class", field.Class)
		if field.Keys != "" {
			f.class(line+"/keys", field.Keys)
		}
	}
}

// metadata holds the lines to attributes that exist, or to names of extensions.
func (f *faults) metadata(fields []tables.Field) {
	seen := map[string]bool{}
	for i, field := range fields {
		line := item("/metadata", i)
		f.unless(len(field.Pointer) <= maxNameBytes && legalToken.MatchString(field.Pointer), events.InvalidValue, line+"/pointer", "the name of an attribute")
		f.unless(!seen[field.Pointer], events.InvalidValue, line+"/pointer", "a line above names this attribute")
		seen[field.Pointer] = true
		f.class(line+"/class", field.Class)
	}
}

// legalPointer says whether a text is an RFC 6901 JSON pointer.
func legalPointer(p string) bool {
	if p == "" || p[0] != '/' || len(p) > 1000 {
		return false
	}
	for i := 0; i < len(p); i++ {
		if p[i] == '~' && (i+1 == len(p) || (p[i+1] != '0' && p[i+1] != '1')) {
			return false
		}
	}
	return true
}
