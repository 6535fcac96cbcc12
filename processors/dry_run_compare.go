// This file answers: how do two snapshots of the rules differ, summed up for who asks?

package processors

import (
	"cmp"
	"slices"
	"strings"

	"payerflow/events"
	"payerflow/tables"
)

// Viewer is who asks for a dry run: what it may see of events is what its team
// may see before.
type Viewer struct {
	Team, Application string
	Acts              func(team string) bool
}

// Compared is what a dry run found.
type Compared struct {
	Events        int                    `json:"events" doc:"Events that were routed both ways"`
	From          events.Instant         `json:"from,omitempty" doc:"When the first of them came in"`
	To            events.Instant         `json:"to,omitempty"`
	Offset        int64                  `json:"offset" doc:"Next control offset of the rules before"`
	HashBefore    string                 `json:"hashBefore"`
	HashAfter     string                 `json:"hashAfter"`
	Subscriptions []ComparedSubscription `json:"subscriptions"`
	Others        *ComparedSubscription  `json:"others,omitempty" doc:"Subscriptions of teams that the token does not act for, together"`
	Aggregations  []ComparedAggregation  `json:"aggregations,omitempty" doc:"Aggregations that the changes bring or write anew, of teams that the token acts for"`
	Graces        *ComparedGraces        `json:"graces,omitempty" doc:"Where the changes are of grace policies"`
}

// ComparedSubscription is what a subscription got, and would have got.
type ComparedSubscription struct {
	Name    string           `json:"name,omitempty"`
	Before  int              `json:"before"`
	After   int              `json:"after"`
	Gained  int              `json:"gained"`
	Lost    int              `json:"lost"`
	Changed int              `json:"changed" doc:"Events of which other fields would be seen"`
	Samples []ComparedSample `json:"samples,omitempty"`
}

// ComparedSample is an event about which the snapshots differ, redacted for who asks.
type ComparedSample struct {
	What  string          `json:"what"` // gained, lost or changed
	Event events.Envelope `json:"event"`
}

// Compare sums up the last events, or all where last is 0.
func (d *DryRun) Compare(last int, v Viewer) Compared {
	oldest := d.cut(last)
	out := Compared{Offset: d.before.Offset(), HashBefore: d.before.RoutingHash(), HashAfter: d.after.RoutingHash(), Subscriptions: []ComparedSubscription{}}
	kinds := map[string]*outcome{}
	for _, t := range d.tallies {
		for _, o := range t.kinds {
			o.n = 0
		}
		for _, e := range t.events {
			if at := events.Instant(e.at); e.at >= oldest {
				t.kinds[e.outcome].n++
				out.Events++
				out.To = max(out.To, at)
				if out.From == 0 || at < out.From {
					out.From = at
				}
			}
		}
		for _, o := range t.kinds {
			all := kinds[o.text]
			if all == nil {
				all = &outcome{text: o.text}
				kinds[o.text] = all
			}
			all.n += o.n
			for _, s := range o.samples {
				if s.at >= oldest {
					all.keep(s)
				}
			}
		}
	}
	d.sum(&out, kinds, v)
	out.Aggregations = d.combined(oldest, out.To, v)
	return out
}

// cut is the time of the oldest event that counts.
func (d *DryRun) cut(last int) int64 {
	if last <= 0 || d.Events() <= last {
		return 0
	}
	all := make([]int64, 0, d.Events())
	for _, t := range d.tallies {
		for _, e := range t.events {
			all = append(all, e.at)
		}
	}
	slices.Sort(all)
	return all[len(all)-last]
}

func (d *DryRun) sum(out *Compared, kinds map[string]*outcome, v Viewer) {
	found := map[string]*ComparedSubscription{}
	of := func(id string) *ComparedSubscription {
		team, _, _ := strings.Cut(id, "/")
		if !v.Acts(team) {
			if out.Others == nil {
				out.Others = &ComparedSubscription{}
			}
			return out.Others
		}
		if found[id] == nil {
			found[id] = &ComparedSubscription{Name: id}
		}
		return found[id]
	}
	for _, both := range []*Rules{d.before, d.after} {
		for _, s := range both.Subscriptions() {
			if s.State == tables.StateActive && v.Acts(s.Team) {
				of(s.ID())
			}
		}
	}
	for _, o := range kinds {
		for line := range strings.Lines(o.text) {
			id, how, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			s := of(id)
			what := s.add(o.n, how[0]-'0')
			if what != "" && s.Name != "" && o.n > 0 {
				s.Samples = append(s.Samples, d.shown(what, o.samples, v)...)
			}
		}
	}
	for _, s := range found {
		slices.SortFunc(s.Samples, func(a, b ComparedSample) int {
			return cmp.Or(cmp.Compare(b.Event.ReceivedAt, a.Event.ReceivedAt), cmp.Compare(a.Event.ID, b.Event.ID))
		})
		s.Samples = s.Samples[:min(len(s.Samples), samplesOfOutcome)]
		out.Subscriptions = append(out.Subscriptions, *s)
	}
	slices.SortFunc(out.Subscriptions, func(a, b ComparedSubscription) int { return strings.Compare(a.Name, b.Name) })
}

func (s *ComparedSubscription) add(n int, how byte) (what string) {
	if how&gotBefore != 0 {
		s.Before += n
	}
	if how&getsAfter != 0 {
		s.After += n
	}
	switch {
	case how == gotBefore:
		s.Lost += n
		return "lost"
	case how == getsAfter:
		s.Gained += n
		return "gained"
	case how&seesOther != 0:
		s.Changed += n
		return "changed"
	}
	return ""
}

// shown are samples as the viewer's team may see them. One that cannot be
// redacted is left out.
func (d *DryRun) shown(what string, samples []sample, v Viewer) (out []ComparedSample) {
	for _, s := range samples {
		e, err := d.before.Mask(v.Team, v.Application, string(s.event.Type)).Envelope(s.event)
		if err == nil {
			out = append(out, ComparedSample{what, e})
		}
	}
	return out
}

// Probes says why somebody who may not see everything must not try changes: a
// condition that only the same changes make legal would tell, by its counts,
// what the team may not see yet.
func (r *Rules) Probes(changes []tables.ProposedChange) []events.Fault {
	plain := slices.DeleteFunc(slices.Clone(changes), func(c tables.ProposedChange) bool {
		_, known := r.types[c.Name] // of a new type nothing was recorded
		return c.Kind == tables.KindPermission || c.Kind == tables.KindEventType && known
	})
	_, faults := r.trial(events.Control{}, plain)
	return slices.DeleteFunc(faults, func(f events.Fault) bool { return f.ReasonCode != NotVisible })
}
