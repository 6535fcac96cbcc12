// This file answers: who would have got what, had other rules been in force?

package processors

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// Bounds of what a dry run keeps of events.
const (
	samplesOfOutcome = 3
	sampledOutcomes  = 500
	dryShards        = 64
)

// DryRun routes recorded events by two snapshots of the rules and counts what
// differs. It delivers nothing. Each goroutine takes a Tally of its own.
type DryRun struct {
	before, after *Rules
	tried         map[string]int32 // aggregations, with their versions
	seed          maphash.Seed
	seen          [dryShards]struct {
		sync.Mutex
		ids map[uint64]struct{}
	}
	mu      sync.Mutex
	tallies []*Tally
}

// NewDryRun compares two snapshots.
func NewDryRun(before, after *Rules) *DryRun {
	d := &DryRun{before: before, after: after, seed: maphash.MakeSeed()}
	for i := range d.seen {
		d.seen[i].ids = map[uint64]struct{}{}
	}
	d.tried = d.aggregations()
	return d
}

// Tally is one goroutine's part of a dry run. To the groups that read events it
// is what they are pinned to.
type Tally struct {
	run      *DryRun
	outcomes map[string]int32
	kinds    []*outcome
	events   []dryEvent
	facts    []dryFact
	cut      bool // there were more facts
	text     []byte
}

type dryEvent struct {
	at      int64
	outcome int32
}

// outcome is what both snapshots say of events of one kind.
type outcome struct {
	text    string // subscriptions, each with how it is concerned
	n       int
	samples []sample
}

type sample struct {
	at    int64
	event events.Envelope
}

// How a subscription is concerned: it got the event before, it would after, and
// would see something else of it.
const (
	gotBefore = 1 << iota
	getsAfter
	seesOther
)

// Tally makes a goroutine's part.
func (d *DryRun) Tally() *Tally {
	t := &Tally{run: d, outcomes: map[string]int32{}}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tallies = append(d.tallies, t)
	return t
}

// Mark writes nothing.
func (t *Tally) Mark(string, []topology.Range) topology.Output { return topology.Output{} }

// Version is that of the rules before.
func (t *Tally) Version() int64 { return t.run.before.Offset() }

// Hash is that of the rules before.
func (t *Tally) Hash() string { return t.run.before.RoutingHash() }

// TryReceived tries an event of the firehose.
func TryReceived(row tables.Processed, rec topology.Record[events.Envelope], t *Tally) (tables.Processed, []topology.Output) {
	t.try(rec.Body, rec.Source)
	return row, nil
}

// TryForeign tries an event that a service wrote to its domain topic.
func TryForeign(row tables.Processed, rec topology.Record[events.Typed], t *Tally) (tables.Processed, []topology.Output) {
	t.try(received(rec), rec.Source)
	return row, nil
}

// try routes an event that no other with its identity came before.
func (t *Tally) try(e events.Envelope, rec *topology.Raw) {
	if rec.Header(topology.HeaderOutput) != nil || !t.run.first(e) {
		return
	}
	text := t.text[:0]
	routed := t.run.after.Route(e)
	t.gather(e, routed.Matches, rec.Timestamp)
	before, after := t.run.before.Route(e).Deliveries, routed.Deliveries
	for len(before)+len(after) > 0 {
		var s tables.Subscription
		var how byte
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].Subscription.ID() < after[0].Subscription.ID():
			s, how, before = before[0].Subscription, gotBefore, before[1:]
		case len(before) == 0 || after[0].Subscription.ID() < before[0].Subscription.ID():
			s, how, after = after[0].Subscription, getsAfter, after[1:]
		default:
			s, how = after[0].Subscription, gotBefore|getsAfter
			if before[0].Mask.ID() != after[0].Mask.ID() {
				how |= seesOther
			}
			before, after = before[1:], after[1:]
		}
		text = append(append(append(text, s.Team...), '/'), s.Name...)
		text = append(text, ' ', '0'+how, '\n')
	}
	t.text = text
	i, known := t.outcomes[string(text)]
	if !known {
		i = int32(len(t.kinds))
		t.kinds = append(t.kinds, &outcome{text: string(text)})
		t.outcomes[string(text)] = i
	}
	at := rec.Timestamp.UnixMicro()
	t.events = append(t.events, dryEvent{at, i})
	if differs(text) && i < sampledOutcomes {
		t.kinds[i].keep(sample{at, e})
	}
}

// differs says whether the snapshots disagree about any subscription.
func differs(text []byte) bool {
	for i, c := range text {
		if i+1 < len(text) && text[i+1] == '\n' && c != '0'+(gotBefore|getsAfter) {
			return true
		}
	}
	return false
}

// keep holds the newest samples, newest first.
func (o *outcome) keep(s sample) {
	if len(o.samples) == samplesOfOutcome && o.samples[samplesOfOutcome-1].at >= s.at {
		return
	}
	at, _ := slices.BinarySearchFunc(o.samples, s, func(a, b sample) int { return cmp.Compare(b.at, a.at) })
	o.samples = slices.Insert(o.samples, at, s)
	o.samples = o.samples[:min(len(o.samples), samplesOfOutcome)]
}

// first says whether an identity has not come before.
func (d *DryRun) first(e events.Envelope) bool {
	var h maphash.Hash
	h.SetSeed(d.seed)
	_, _ = h.WriteString(string(e.Key))
	_ = h.WriteByte(0)
	_, _ = h.WriteString(e.ID)
	sum := h.Sum64()
	s := &d.seen[sum%dryShards]
	s.Lock()
	defer s.Unlock()
	_, again := s.ids[sum]
	s.ids[sum] = struct{}{}
	return !again
}

// Events is how many events were routed.
func (d *DryRun) Events() (n int) {
	for _, t := range d.tallies {
		n += len(t.events)
	}
	return n
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

// Viewer is who asks for a dry run: what it may see of events is what its team
// may see before.
type Viewer struct {
	Team, Application string
	Acts              func(team string) bool
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
