package topologies_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

// lowered are fields of rows that need fewer classes than a field of the same
// name in an event that goes into them, each with the reason: "Type/name".
var lowered = map[string]string{
	"SlotEntry/availabilityId":              "the slot's own id, as Slot has it",
	"Slot/availabilityId":                   "the slot's own id, as its offer shows it to all; a request's is PHI for the member beside it",
	"BookingCoverage/standing/facts/*/from": "days of a provider's standing, as directories publish it; only enrolment's field of the same name is about a person",
	"BookingCoverage/standing/facts/*/to":   "the same",
}

// TestEveryFieldOfAViewHasItsClass holds the rows of every view, at any depth,
// to a class for each field, which covers that of every field of the same name,
// or named by from, in the events that go into the row.
func TestEveryFieldOfAViewHasItsClass(t *testing.T) {
	for _, g := range append(slices.Clip(topologies.All), topologies.KaaS(time.Minute)...) {
		if g.View.Name == "" {
			continue
		}
		source := sourceClasses(t, g.Name)
		fields := tables.RowFields(g.RowType)
		tables.EachRowField(fields, func(f tables.RowField) {
			where := fmt.Sprintf("view %s, tables.%s %s", g.View.Name, g.RowType.Name(), f.Pointer)
			if f.Classes == nil && (f.Below == nil || tables.NamesAreData(f.Type)) {
				t.Errorf("%s: write class:\"…\" behind its json tag, with the classes that a reader needs to see it (events say: %s). A field without one is withheld from everybody", where, told(source, f))
				return
			}
			for _, name := range append(slices.Clip(f.From), f.Name) {
				for class, at := range source[name] {
					if f.Classes == nil || class == tables.ClassPublic || slices.Contains(f.Classes, class) || slices.Contains(f.Classes, tables.ClassOfRow) || lowered[g.RowType.Name()+f.Pointer] != "" {
						continue
					}
					t.Errorf("%s: has class:%q, but %s is %s: write class:\"%s\", or a line with the reason into lowered", where, strings.Join(f.Classes, ","), at, class, class)
				}
				if name != f.Name && source[name] == nil && len(source) > 0 {
					t.Errorf("%s: from names %s, which no event has that goes into the row", where, name)
				}
			}
		})
		if keyClass(g.View, fields) == nil {
			t.Errorf("view %s: no field of its rows is named %s, its key: set View.KeyClass", g.View.Name, g.View.Key)
		}
		for _, class := range tables.RowClasses(fields) {
			if !slices.Contains(g.View.Classes, class) {
				t.Errorf("view %s: its rows hold %s, and View.Classes does not say so", g.View.Name, class)
			}
		}
	}
}

func keyClass(v topology.View, fields []tables.RowField) []string {
	if v.KeyClass != "" {
		return []string{v.KeyClass}
	}
	for _, f := range fields {
		if f.Name == v.Key {
			return f.Classes
		}
	}
	return nil
}

// sourceClasses are the classes of the fields of all events that go into a
// group's rows, by the last name of the field's pointer, with the place.
func sourceClasses(t *testing.T, group string) map[string]map[string]string {
	t.Helper()
	source := map[string]map[string]string{}
	for _, name := range topology.SourceTypes(topologies.All, group) {
		fields, err := codecs.Fields(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fields {
			last := f.Pointer[strings.LastIndexByte(f.Pointer, '/')+1:]
			if source[last] == nil {
				source[last] = map[string]string{}
			}
			source[last][f.Class] = name + " " + f.Pointer
		}
	}
	return source
}

func told(source map[string]map[string]string, f tables.RowField) string {
	var out []string
	for _, name := range append(slices.Clip(f.From), f.Name) {
		for class, at := range source[name] {
			out = append(out, at+" is "+class)
		}
	}
	if slices.Sort(out); len(out) == 0 {
		return "nothing; name with from:\"…\" the fields that it follows from"
	}
	return strings.Join(out, ", ")
}
