package processors

import (
	"slices"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// combine puts facts in the order in which they happened, as far as none can
// come any more that happened before, and emits one output for each set with
// one fact of every step within the time. Of a step the newest counts; a fact
// counts once.
func combine(row tables.Aggregated, clock events.Instant, synthetic bool) (tables.Aggregated, []topology.Output) {
	p := row.Plan
	var out []topology.Output
	pending := make([]*tables.AggregatedFact, len(p.Steps))
	var left []tables.AggregatedFact
	for i := range row.Facts {
		f := row.Facts[i]
		if f.At+events.Instant(p.Lateness) > clock {
			left = append(left, f)
			continue
		}
		f.Judged = true
		row.Settled = max(row.Settled, f.At)
		pending[f.Step] = &f
		set := fresh(pending, f.At-events.Instant(p.Within))
		if len(set) < len(pending) {
			continue
		}
		row.Emitted++
		out = append(out, factsOutput(row, set, f.At, clock, synthetic))
		clear(pending)
	}
	for _, f := range pending {
		if f != nil && !f.Over(p, clock) {
			left = append(left, *f)
		}
	}
	slices.SortFunc(left, tables.AggregatedFact.Compare)
	row.Facts = left
	return row, out
}

// fresh are the facts of steps that are not older than a time, by time.
func fresh(pending []*tables.AggregatedFact, oldest events.Instant) (set []tables.AggregatedFact) {
	for i, f := range pending {
		switch {
		case f == nil:
		case f.At < oldest:
			pending[i] = nil
		default:
			set = append(set, *f)
		}
	}
	slices.SortFunc(set, tables.AggregatedFact.Compare)
	return set
}

// judge ends the waits that are over: each fact of the last step but one waits
// for one of the last, from its own time on. Where none came, and the steps
// before it did in their order, there is an output.
func judge(row tables.Aggregated, clock events.Instant, synthetic bool) (tables.Aggregated, []topology.Output) {
	p := row.Plan
	var out []topology.Output
	all := slices.Clone(row.Facts)
	for i, f := range all {
		end := f.At + events.Instant(p.Within)
		if int(f.Step) != len(p.Steps)-2 || f.Judged || end+events.Instant(p.Lateness) > clock {
			continue
		}
		all[i].Judged = true
		row.Settled = max(row.Settled, end)
		if chain, ok := led(all, f, p); ok && !followed(all, f, p) {
			row.Emitted++
			out = append(out, factsOutput(row, chain, end, clock, synthetic))
		}
	}
	row.Facts = slices.DeleteFunc(all, func(f tables.AggregatedFact) bool { return f.Over(p, clock) })
	return row, out
}

// followed says whether what must not come came.
func followed(all []tables.AggregatedFact, f tables.AggregatedFact, p events.AggregationPlan) bool {
	return slices.ContainsFunc(all, func(o tables.AggregatedFact) bool {
		return int(o.Step) == len(p.Steps)-1 && o.At >= f.At && o.At <= f.At+events.Instant(p.Within)
	})
}

// led are the facts that led to one: of each step before it the latest that
// was not later than the next.
func led(all []tables.AggregatedFact, f tables.AggregatedFact, p events.AggregationPlan) (chain []tables.AggregatedFact, ok bool) {
	chain = []tables.AggregatedFact{f}
	next := f.At
	for step := int(f.Step) - 1; step >= 0; step-- {
		at := -1
		for i, o := range all {
			if int(o.Step) == step && o.At <= next && o.At >= f.At-events.Instant(p.Before) {
				at = i
			}
		}
		if at < 0 {
			return nil, false
		}
		next = all[at].At
		chain = append([]tables.AggregatedFact{all[at]}, chain...)
	}
	return chain, true
}
