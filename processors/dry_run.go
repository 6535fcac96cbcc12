// This file answers: who would have got what, had other rules been in force?

package processors

import (
	"cmp"
	"hash/maphash"
	"slices"
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
	t.try(Received(rec), rec.Source)
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
