// This file answers: what would an aggregation have emitted?

package processors

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// maxDryFacts bounds what one goroutine of a dry run keeps of events.
const maxDryFacts = 500_000

// dryFact is what a tried aggregation gets of an event.
type dryFact struct {
	fact      events.AggregationMatched
	synthetic bool
}

// ComparedAggregation is what an aggregation would have made of recorded
// events. What its outputs would have caused in turn is not in it.
type ComparedAggregation struct {
	Name    string            `json:"name"`
	Events  int               `json:"events" doc:"Events that match, by step and key"`
	Keys    int               `json:"keys"`
	Outputs int               `json:"outputs"`
	Open    int               `json:"open" doc:"Keys that wait at the end of the recorded time"`
	Refused map[string]int    `json:"refused,omitempty" doc:"Events that could not be used, by reason"`
	Cut     bool              `json:"cut,omitempty" doc:"There were more events than a dry run keeps"`
	Samples []events.Envelope `json:"samples,omitempty" doc:"Outputs, as the token's team may see them"`
}

// aggregations are those that the changes bring, or write anew.
func (d *DryRun) aggregations() map[string]int32 {
	out := map[string]int32{}
	for id, a := range d.after.aggregations {
		if before, ok := d.before.aggregations[id]; a.value.State == tables.StateActive && (!ok || before.version != a.version) {
			out[id] = a.version
		}
	}
	return out
}

// gather keeps what tried aggregations get of an event.
func (t *Tally) gather(e events.Envelope, matches []Match, at time.Time) {
	matches = slices.DeleteFunc(matches, func(m Match) bool { return t.run.tried[m.match.aggregation.ID()] != m.match.version })
	if len(matches) == 0 {
		return
	}
	out, err := matchedOf(e, matches, events.InstantOf(at))
	if err != nil {
		return // the router would have parked it
	}
	for _, o := range out {
		fact, ok := o.Value.(events.AggregationMatched)
		if !ok {
			continue
		}
		if t.cut = t.cut || len(t.facts) == maxDryFacts; !t.cut {
			t.facts = append(t.facts, dryFact{fact, e.Synthetic})
		}
	}
}

// combined folds the facts since a time, in the order in which they came in.
func (d *DryRun) combined(oldest int64, to events.Instant, v Viewer) (out []ComparedAggregation) {
	by := map[string]*dryFold{}
	for id := range d.tried {
		if v.Acts(teamOf(id)) {
			by[id] = &dryFold{rows: map[string]tables.Aggregated{}, keys: map[string]bool{}, out: ComparedAggregation{Name: id, Refused: map[string]int{}}}
		}
	}
	var facts []dryFact
	for _, t := range d.tallies {
		for _, f := range t.facts {
			if int64(f.fact.MatchedAt) >= oldest && by[f.fact.Aggregation] != nil {
				facts = append(facts, f)
			}
		}
		for _, f := range by {
			f.out.Cut = f.out.Cut || t.cut
		}
	}
	slices.SortFunc(facts, func(a, b dryFact) int {
		return cmp.Or(cmp.Compare(a.fact.MatchedAt, b.fact.MatchedAt), cmp.Compare(a.fact.ID, b.fact.ID), cmp.Compare(a.fact.Step, b.fact.Step))
	})
	for _, f := range facts {
		by[f.fact.Aggregation].take(f)
	}
	for _, id := range slices.Sorted(maps.Keys(by)) {
		f := by[id]
		f.until(to)
		f.out.Keys = len(f.keys)
		for _, row := range f.rows {
			if row.Group != "" && (len(row.Facts) > 0 || slices.ContainsFunc(row.Windows, func(w tables.AggregatedWindow) bool { return !w.Closed })) {
				f.out.Open++
			}
		}
		for _, e := range f.samples {
			t := d.after.types[string(e.Type)].value
			if t == nil {
				continue
			}
			if seen, err := t.mask(d.before.Classes(v.Team, v.Application, t.Name), d.after.secret).Envelope(e); err == nil {
				f.out.Samples = append(f.out.Samples, seen)
			}
		}
		out = append(out, f.out)
	}
	return out
}

// dryFold is an aggregation's table in memory, with its timers.
type dryFold struct {
	rows    map[string]tables.Aggregated
	keys    map[string]bool
	due     deadlines
	samples []events.Envelope
	out     ComparedAggregation
}

func (f *dryFold) take(d dryFact) {
	f.until(d.fact.MatchedAt)
	stored := topology.RowKey(string(d.fact.Key), d.synthetic)
	next, out := FoldAggregationMatched(f.rows[stored], topology.Record[events.AggregationMatched]{Key: string(d.fact.Key), At: d.fact.At.Time(), Synthetic: d.synthetic, Body: d.fact, Source: &topology.Raw{}})
	for _, o := range out {
		if _, dropped := o.Value.(topology.Dropped); dropped {
			return
		}
	}
	f.out.Events++
	if d.fact.Group != "" {
		f.keys[stored] = true
	}
	f.keep(stored, next, out)
}

// until wakes what is due by then, in order.
func (f *dryFold) until(clock events.Instant) {
	for len(f.due) > 0 && f.due[0].at <= clock {
		d, _ := heap.Pop(&f.due).(deadline)
		row, ok := f.rows[d.stored]
		if !ok || events.InstantOf(row.Due()) != d.at {
			continue // it was put off
		}
		_, synthetic := topology.EntityKey(d.stored)
		next, out := WakeAggregated(row, topology.Waking{Due: d.at.Time(), Clock: d.at.Time(), Synthetic: synthetic})
		f.keep(d.stored, next, out)
	}
}

func (f *dryFold) keep(stored string, row tables.Aggregated, out []topology.Output) {
	for _, o := range out {
		switch v := o.Value.(type) {
		case events.Envelope:
			f.out.Outputs++
			f.samples = append(f.samples, v)
			f.samples = f.samples[max(0, len(f.samples)-samplesOfOutcome):]
		case events.AggregationLate:
			f.out.Refused[v.Reason]++
		}
	}
	if row.Gone() {
		delete(f.rows, stored)
		return
	}
	f.rows[stored] = row
	if due := row.Due(); !due.IsZero() {
		heap.Push(&f.due, deadline{events.InstantOf(due), stored})
	}
}

// deadlines are a heap.
type deadlines []deadline

type deadline struct {
	at     events.Instant
	stored string
}

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].at < d[j].at }
func (d deadlines) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }

// Push and Pop are the heap's.
func (d *deadlines) Push(x any) { *d = append(*d, x.(deadline)) }

// Pop takes the last.
func (d *deadlines) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}
