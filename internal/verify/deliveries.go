package verify

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
)

// arrivals are what came of the known events in one topic.
type arrivals struct {
	topic string
	got   []bool              // by event
	last  map[[2]uint64]int32 // newest event by source and key
	ends  map[uint32]int32    // newest event by source
}

// deliveries looks at what topics got, and at what they did not get.
func (run *routesRun) deliveries(ctx context.Context, consumers []string) error {
	envelope, _, err := decoder(codecs.NewAvro[events.Envelope](run.f.Firehose, 2<<20), run.l.Schemas, run.f.Firehose)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, t := range run.targets {
		for _, topic := range t.must {
			wanted[topic] = true
		}
	}
	for _, topic := range slices.Concat(consumers, slices.Collect(maps.Keys(run.f.Domain))) {
		delete(wanted, topic)
		a := &arrivals{topic, make([]bool, len(run.events)), map[[2]uint64]int32{}, map[uint32]int32{}}
		each := func(r *kgo.Record) error { return run.typed(a, r) }
		if slices.Contains(consumers, topic) {
			each = func(r *kgo.Record) error {
				e, err := envelope(r.Value)
				if err != nil {
					return unless(faulty(err), err) // duplicates say so
				}
				run.copied(a, r, e)
				return nil
			}
		}
		if err := run.l.delivered(ctx, topic, each); err != nil {
			return err
		}
		run.missing(a)
	}
	for topic := range wanted { // it is not there at all
		run.missing(&arrivals{topic: topic, got: make([]bool, len(run.events))})
	}
	return nil
}

// typed takes a record of a domain topic; one without the router's mark is a
// service's own.
func (run *routesRun) typed(a *arrivals, r *kgo.Record) error {
	if header(r, "pf_origin") == nil {
		if run.pass == 0 {
			run.c.Counts["written straight"]++
		}
		return nil
	}
	if i, known := run.byKey[sumOf([]byte(a.topic), header(r, "ce_id"), r.Key)]; known {
		delete(run.unknown[a.topic], sumOf(header(r, "ce_id"), r.Key))
		run.arrived(a, r, i)
	} else {
		run.stranger(a, r, sumOf(header(r, "ce_id"), r.Key))
	}
	return nil
}

// copied takes a copy of a consumer topic.
func (run *routesRun) copied(a *arrivals, r *kgo.Record, e events.Envelope) {
	i, known := run.byID[idOf(e)]
	if header(r, replayed) != nil {
		run.redelivered(a, r, e, i, known)
		return
	}
	if !known {
		run.stranger(a, r, idOf(e))
		return
	}
	delete(run.unknown[a.topic], idOf(e))
	run.arrived(a, r, i)
	run.redacted.Counts["copies"]++
	for _, where := range run.book.at[run.events[i].rules].leaks(a.topic, r, e, run.events[i].key) {
		run.redacted.found("unredacted", a.topic, run.l.Hash(string(r.Key)), place(r), where)
	}
}

// leaks are the places of a copy that its reader may not see.
func (b *rules) leaks(topic string, r *kgo.Record, e events.Envelope, key uint64) (out []string) {
	t, sees, ls := b.types[string(e.Type)], b.sees(teamOf(topic), string(e.Type)), b.lines(string(e.Type))
	for _, where := range []string{ls.leak(e.Body, sees), shows(e, t, sees), keyShown(r, e, t.KeyField, ls, sees, key)} {
		if where != "" {
			out = append(out, where)
		}
	}
	return out
}

// redelivered takes a copy that was delivered again on demand. It counts as no
// delivery, and was made by the rules of then: some rules since its event was
// routed must let its reader see it.
func (run *routesRun) redelivered(a *arrivals, r *kgo.Record, e events.Envelope, i int32, known bool) {
	if !known {
		return // of another pass, or gone from the topics
	}
	run.redacted.Counts["delivered again"]++
	var leaks []string
	for _, b := range run.book.at[run.events[i].rules:] {
		if leaks = b.leaks(a.topic, r, e, run.events[i].key); len(leaks) == 0 {
			return
		}
	}
	for _, where := range leaks {
		run.redacted.found("unredacted", a.topic, run.l.Hash(string(r.Key)), place(r), where)
	}
}

// keyShown says that a copy has a key which its reader may not see.
func keyShown(r *kgo.Record, e events.Envelope, keyField string, ls lines, sees map[string]bool, key uint64) string {
	if keyField == "" || hashOf(string(e.Key)) != key && hashOf(string(r.Key)) != key {
		return ""
	}
	for _, line := range ls.at[keyField] {
		if sees[line.Class] {
			return ""
		}
	}
	return "key"
}

// stranger notes a record of no event of this pass. In the first pass all that
// are not of it are noted, and in the others those that are of them taken off.
func (run *routesRun) stranger(a *arrivals, r *kgo.Record, id uint64) {
	if run.pass > 0 {
		return
	}
	if run.unknown[a.topic] == nil {
		run.unknown[a.topic] = map[uint64]string{}
	}
	run.unknown[a.topic][id] = place(r)
}

// arrived notes that a topic has an event.
func (run *routesRun) arrived(a *arrivals, r *kgo.Record, i int32) {
	e := run.events[i]
	to := run.targets[e.to]
	hash := run.l.Hash(string(r.Key))
	switch {
	case a.got[i]:
		run.c.found("doubled", a.topic, hash, place(r))
		return
	case !slices.Contains(to.must, a.topic) && !slices.Contains(to.may, a.topic):
		run.c.found("not to be delivered", a.topic, hash, place(r))
	default:
		run.c.Counts["delivered"]++
	}
	a.got[i] = true
	if run.redone[i] {
		return
	}
	a.ends[e.source] = max(a.ends[e.source], i)
	at := [2]uint64{uint64(e.source), e.key}
	if last, came := a.last[at]; came && last > i {
		run.c.found("swapped", a.topic, hash, place(r))
		return
	}
	a.last[at] = i
}

// missing finds the events that a topic must have and has not: lost where later
// ones of the same source are there, else not delivered.
func (run *routesRun) missing(a *arrivals) {
	for i, e := range run.events {
		if a.got[i] || !slices.Contains(run.targets[e.to].must, a.topic) {
			continue
		}
		kind := "missing delivery"
		if end, some := a.ends[e.source]; some && end > int32(i) {
			kind = "lost"
		}
		run.c.found(kind, a.topic, "", "")
	}
}
