package processors

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"payerflow/events"
	"payerflow/tables"
)

// Cycle is the reason code of an aggregation whose output comes back to it.
const Cycle = "CYCLE"

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// checkOutput holds the output type to what outputs are.
func (a *aggregation) checkOutput(f *faults, out tables.EventType) {
	f.unless(out.Topic == "", events.InvalidValue, "/output", "types of the catalogue are not made by aggregations")
	f.unless(out.KeyField == "/key", events.InvalidValue, "/output", "the type's keyField must be /key")
	f.unless(out.State == tables.StateActive, events.InvalidValue, "/output", "the type is deprecated")
	compiled, err := CompileSchema(out.Schema)
	if err != nil {
		f.add(InvalidSchema, "/output", "the type's schema cannot be read")
		return
	}
	for _, sample := range a.samples() {
		text, _ := json.Marshal(sample) // texts and numbers always marshal
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		if err != nil || compiled.Validate(doc) != nil {
			f.add(Incompatible, "/output", "the type's schema does not take what the aggregation emits: see docs/aggregations.md for one that does")
			return
		}
	}
}

// samples are outputs with all that there can be, and with as little.
func (a *aggregation) samples() []AggregatedBody {
	at, elapsed := events.Instant(1_700_000_000_000_000), int64(1000)
	least := AggregatedBody{Aggregation: a.ID(), Version: 1, Combine: a.Combine, Key: "k", Start: at, End: at, Count: 1, Events: []string{"e"}}
	most := least
	for _, v := range a.Values {
		most.value(v.Name, "1.50")
	}
	if a.Combine == tables.AggregateAllOf || a.Combine == tables.AggregateAbsence {
		most.ElapsedMs = &elapsed
		for _, s := range a.Steps {
			most.Steps = append(most.Steps, AggregatedStep{s.Name, at})
		}
		least.ElapsedMs, least.Steps = most.ElapsedMs, most.Steps[:1]
	}
	return []AggregatedBody{least, most}
}

// unfitStep is why a step cannot be asked of events of a type: its condition,
// its key or its values do not suit the type, or look at what the team may not
// see, or would come out as another class.
func (r *Rules) unfitStep(a tables.Aggregation, step int, t *registered) []events.Fault {
	var f faults
	at, sight := item("/steps", step), r.sight(a.Team, t)
	for _, fault := range r.unfit(tables.RoutingRule{Team: a.Team, Condition: a.Steps[step].Condition}, t) {
		fault.At = at + fault.At
		f = append(f, fault)
	}
	f.unless(sight.metadata["time"] == tables.ClassPublic, NotVisible, at, "goes by the event's time, which the type does not class PUBLIC")
	out := r.types[a.Output].value
	if out == nil {
		f.add(events.UnknownEventType, "/output", "there is no such event type any more")
		return f
	}
	trie := r.sight(a.Team, out)
	class, open, known := keySight(a, t, sight)
	f.unless(known, NotVisible, "/key", "the team may not see what events are put together by, or nobody has classified it")
	f.stays("/key", class, known && open, trie, "/key")
	for i, v := range a.Values {
		path, _ := steps(v.Of)
		shown := sight.reads(path)
		f.unless(shown, NotVisible, item("/values", i)+"/of", "the team may not see it, or nobody has classified it")
		class, _ := sight.root.classAt(v.Of)
		f.stays(item("/values", i)+"/of", class, shown, trie, "/values/"+escape(v.Name))
	}
	return f
}

// stays holds a field of the output to the class of where it comes from: other
// readers see no more of it than they would have seen there.
func (f *faults) stays(at, class string, open bool, out *Mask, pointer string) {
	if !open || class == tables.ClassPublic {
		return
	}
	same, _ := out.root.classAt(pointer)
	f.unless(same == class || same == "", events.InvalidValue, at, "comes from a field of class "+class+": the output type must give "+pointer+" that class too")
}

// reads says whether a place can be read in every redacted copy, under its own
// name.
func (m *Mask) reads(path []string) bool {
	n := m.root
	for _, step := range path {
		next, named := n.child(step)
		if next == nil || !named && !n.items {
			return false
		}
		n = next
	}
	return m.shows(use{root: bodyVariable, path: path, whole: true})
}

// keySight is the class of what a key comes from. open is false where a keyed
// hash stands for it; known is false where the team has nothing to go by.
func keySight(a tables.Aggregation, t *registered, m *Mask) (class string, open, known bool) {
	if strings.HasPrefix(a.Key, tables.TagKey) {
		return m.metadata["tags"], true, m.sees("tags")
	}
	if strings.HasPrefix(a.Key, "/") {
		path, _ := steps(a.Key)
		class, _ := m.root.classAt(a.Key)
		if m.reads(path) {
			return class, true, true
		}
		return class, false, a.Key == t.KeyField
	}
	switch a.Key {
	case "subject":
		class, open := m.subjectClass()
		return class, open, true
	case "key":
		class := m.keyClass
		if c, set := m.metadata["key"]; set {
			class = c
		} else if !m.keyField {
			class = m.metadata["transactionId"]
		}
		return class, m.showsKey(), true
	}
	return m.metadata[a.Key], true, m.sees(a.Key)
}

// classesIn are the classes beside PUBLIC of what an aggregation takes out of
// events, sorted.
func (r *Rules) classesIn(a tables.Aggregation) []string {
	all := []string{}
	for _, s := range a.Steps {
		for _, t := range r.named(s.EventTypes) {
			m := r.sight(a.Team, t)
			if class, open, known := keySight(a, t, m); open && known && class != tables.ClassPublic && class != "" {
				all = append(all, class)
			}
			for _, v := range a.Values {
				if class, _ := m.root.classAt(v.Of); class != tables.ClassPublic && class != "" {
					all = append(all, class)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
