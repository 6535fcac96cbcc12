package processors

import (
	"slices"
	"strings"

	"payerflow/tables"
)

// cycle is a way on which an aggregation's output comes back to it, by names;
// nil where there is none.
func (r *Rules) cycle(a tables.Aggregation) []string {
	all := map[string]tables.Aggregation{}
	for id, o := range r.aggregations {
		all[id] = o.value
	}
	all[a.ID()] = a
	order := sortedKeys(all)
	been := map[string]bool{}
	var walk func(at tables.Aggregation, path []string) []string
	walk = func(at tables.Aggregation, path []string) []string {
		for _, id := range order {
			next := all[id]
			if !slices.ContainsFunc(next.Steps, func(s tables.AggregationStep) bool { return takesType(s.EventTypes, at.Output) }) {
				continue
			}
			if id == a.ID() {
				return append(path, id)
			}
			if !been[id] {
				been[id] = true
				if found := walk(next, append(slices.Clip(path), id)); found != nil {
					return found
				}
			}
		}
		return nil
	}
	return walk(a, []string{a.ID()})
}

func takesType(names []string, eventType string) bool {
	return slices.Contains(names, eventType) || tables.Matches(names, eventType)
}

// Aggregation finds an aggregation by team/name, as it stands: an active one of
// which a step suits no event type, or looks at what its team may not see, is
// QUARANTINED until that changes; Reason says why.
func (r *Rules) Aggregation(id string) (tables.Aggregation, bool) {
	a, ok := r.aggregations[id]
	return r.standingAggregation(a.value), ok
}

// Aggregations are all aggregations by id, as they stand.
func (r *Rules) Aggregations() []tables.Aggregation {
	all := sorted(r.aggregations)
	for i, a := range all {
		all[i] = r.standingAggregation(a)
	}
	return all
}

func (r *Rules) standingAggregation(a tables.Aggregation) tables.Aggregation {
	if a.State != tables.StateActive {
		return a
	}
	var why []string
	for i, s := range a.Steps {
		of, unfit := r.named(s.EventTypes), 0
		for _, t := range of {
			if f := r.unfitStep(a, i, t); len(f) > 0 {
				unfit++
				why = append(why, s.Name+", "+t.Name+": "+f[0].Reason)
			}
		}
		if unfit == len(of) && unfit > 0 {
			a.State = tables.StateQuarantined
		}
	}
	a.Reason = strings.Join(why, "; ")
	return a
}
