package processors

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"payerflow/events"
	"payerflow/tables"
)

// Routed says who gets an event, and which rules failed on it.
type Routed struct {
	Deliveries []Delivery   // by subscription id, each once
	Failed     []Quarantine // by rule id, each once
	Shadows    []Shadow     // what is in shadow mode and concerned, by kind and name
	Discarded  int          // subscriptions whose tags match and that discard synthetic events, once for each of their rules
	Matches    []Match      // steps of aggregations, by the aggregations' ids, each once
}

// Delivery is one subscription's copy of an event.
type Delivery struct {
	Subscription tables.Subscription
	Mask         *Mask
}

// Quarantine is a rule that failed at run time. The subscription got nothing
// from it; a QUARANTINE control event takes it out.
type Quarantine struct{ Kind, Name, Reason string }

// Route says which active subscriptions get an event. An event of a type that
// is not registered goes to nobody. The deliveries follow from the rules and
// the event alone. Failed repeats the failure of a rule only at every 1024th
// event, so that a rule that fails on all of them does not fill the log.
func (r *Rules) Route(e events.Envelope) Routed {
	t := r.index.types[string(e.Type)]
	if t == nil {
		return Routed{}
	}
	t.make()
	run := runs.Get().(*routing)
	defer run.done()
	run.start(t, &e)
	run.through(&t.any)
	for _, f := range t.fields {
		if value, ok := f.of(&run.on); ok && f.values[value] != nil {
			run.through(f.values[value])
		}
	}
	deliveries, matches := run.deliveries(t)
	return Routed{deliveries, run.failed(&r.index.calls), run.noted(), run.discarded, matches}
}

// routing is one event on its way through an index.
type routing struct {
	on        occasion
	verdicts  []verdict // by the order of conditions
	asked     []int     // verdicts that were given
	hits      []*subscriber
	failures  []Quarantine
	shadows   []shadowHit
	spent     map[string]uint64 // by team, on conditions
	discarded int
}

type verdict struct {
	state  verdictState
	reason string
	cost   uint64
	paidBy string // the team that it was charged to last
}

type verdictState uint8

const (
	notAsked verdictState = iota
	held
	heldNot
	failed
)

var runs = sync.Pool{New: func() any { return &routing{} }}

func (run *routing) start(t *typeIndex, e *events.Envelope) {
	run.on = occasion{event: e, shape: t.shape, want: t.want}
	if len(run.verdicts) < t.tries {
		run.verdicts = make([]verdict, t.tries)
	}
}

// done forgets the event: it is PHI.
func (run *routing) done() {
	for _, i := range run.asked {
		run.verdicts[i] = verdict{}
	}
	clear(run.hits)
	clear(run.spent)
	clear(run.shadows)
	run.shadows = run.shadows[:0]
	run.on, run.asked, run.hits, run.failures, run.discarded = occasion{}, run.asked[:0], run.hits[:0], nil, 0
	runs.Put(run)
}

func (run *routing) through(b *bucket) {
	for _, g := range b.always {
		run.take(g)
	}
	if b.tagged == nil {
		return
	}
	for _, tag := range run.on.event.Tags {
		for _, g := range b.tagged[tag] {
			run.take(g)
		}
	}
}

func (run *routing) take(g target) {
	e := run.on.event
	if !g.Tags.Takes(e.Tags) {
		return
	}
	if e.Synthetic && g.Synthetic != tables.PassThrough {
		run.discarded++
		return
	}
	if g.try == nil {
		run.hit(g)
		return
	}
	switch v := run.verdict(g); {
	case v.state == held:
		run.hit(g)
	case v.state == failed && (g.shadow || g.ruleShadow):
		run.shadows = append(run.shadows, shadowHit{g, true})
	case v.state == failed:
		run.failures = append(run.failures, Quarantine{g.kind(), g.rule, v.reason})
	}
}

// verdict is what a target's condition says, asked once for all of one text.
func (run *routing) verdict(g target) verdict {
	v := &run.verdicts[g.try.order]
	if v.state != notAsked && v.paidBy == g.Team {
		return *v
	}
	if run.spent[g.Team] >= maxTeamCost {
		return verdict{state: failed, reason: failedTeam}
	}
	if v.state == notAsked {
		*v = g.try.ask(&run.on)
		run.asked = append(run.asked, g.try.order)
	}
	if run.spent == nil {
		run.spent = map[string]uint64{}
	}
	run.spent[g.Team] += v.cost
	v.paidBy = g.Team
	return *v
}

func (run *routing) hit(g target) {
	if g.shadow || g.ruleShadow {
		run.shadows = append(run.shadows, shadowHit{g, false})
		return
	}
	run.hits = append(run.hits, g.subscriber)
}

func (t *try) ask(o *occasion) verdict {
	v := verdict{state: heldNot}
	yes, failure, cost := t.holds(o)
	switch {
	case failure != "":
		v.state, v.reason = failed, failure
	case yes:
		v.state = held
	}
	v.cost = cost
	return v
}

// kind is that of the row whose condition a target has.
func (g target) kind() string {
	if g.match != nil {
		return tables.KindAggregation
	}
	return tables.KindRoutingRule
}

func (run *routing) deliveries(t *typeIndex) (out []Delivery, matches []Match) {
	if len(run.hits) == 0 {
		return nil, nil
	}
	slices.SortFunc(run.hits, func(a, b *subscriber) int { return cmp.Compare(a.order, b.order) })
	out = make([]Delivery, 0, len(run.hits))
	for i, s := range run.hits {
		switch {
		case i > 0 && run.hits[i-1] == s:
		case s.match != nil:
			matches = append(matches, Match{s.match, t.masks[s.Team]})
		default:
			out = append(out, Delivery{s.Subscription, t.masks[s.Team]})
		}
	}
	return out, matches
}

// failures counts how often each rule failed.
type failures struct{ byRule sync.Map } // by kind and name

const sayAgain = 1024

func (run *routing) failed(counts *failures) (out []Quarantine) {
	slices.SortFunc(run.failures, func(a, b Quarantine) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind)) })
	for i, q := range run.failures {
		if i > 0 && run.failures[i-1].Name == q.Name && run.failures[i-1].Kind == q.Kind {
			continue
		}
		n, _ := counts.byRule.LoadOrStore(q.Kind+" "+q.Name, new(atomic.Int64))
		if n.(*atomic.Int64).Add(1)%sayAgain == 1 {
			out = append(out, q)
		}
	}
	return out
}
