// This file answers: how many events of each type did a router carry, to how
// many readers, and how late?

package processors

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"payerflow/events"
)

// RoutedCounts counts what routers on this worker did, by event type and by the
// tags that the type registers: both are bounded by the registry. A transaction
// that is done again is counted again.
type RoutedCounts struct{ types sync.Map } // name -> *typeCounts

type typeCounts struct {
	all, synthetic stages
	tags           sync.Map // tag -> *stages
	waits          [len(WaitBounds) + 1]atomic.Int64
	waited         atomic.Int64 // nanoseconds
}

type stages struct{ routed, delivered, redacted, discarded atomic.Int64 }

func (s *stages) add(n RoutedStages) {
	s.routed.Add(n.Routed)
	s.delivered.Add(n.Delivered)
	s.redacted.Add(n.Redacted)
	s.discarded.Add(n.Discarded)
}

func (s *stages) read() RoutedStages {
	return RoutedStages{s.routed.Load(), s.delivered.Load(), s.redacted.Load(), s.discarded.Load()}
}

// RoutedStages say what became of events.
type RoutedStages struct {
	Routed    int64 // events
	Delivered int64 // copies, one for each subscription
	Redacted  int64 // of these, copies that withhold something of the type
	Discarded int64 // copies that were not made because a subscription discards synthetic events
}

// WaitBounds are the upper bounds of how long events took from the door until
// they were routed.
var WaitBounds = [...]time.Duration{10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 10 * time.Minute, time.Hour}

// RoutedCount is the count of one event type.
type RoutedCount struct {
	Type            string
	Real, Synthetic RoutedStages
	Tags            map[string]RoutedStages    // of real events, by registered tag, events.OtherTag and events.Untagged
	Waits           [len(WaitBounds) + 1]int64 // real events by bound, each once; the last is beyond all
	Waited          time.Duration
}

// note counts one event.
func (c *RoutedCounts) note(e *events.Envelope, known []string, at events.Instant, routed *Routed) {
	if c == nil {
		return
	}
	n := RoutedStages{Routed: 1, Delivered: int64(len(routed.Deliveries)), Discarded: int64(routed.Discarded)}
	for _, d := range routed.Deliveries {
		if d.Mask.withholds {
			n.Redacted++
		}
	}
	t := loaded[typeCounts](&c.types, string(e.Type))
	if e.Synthetic {
		t.synthetic.add(n)
		return
	}
	t.all.add(n)
	for _, tag := range countedTags(e.Tags, known) {
		loaded[stages](&t.tags, tag).add(n)
	}
	wait := max(0, at.Time().Sub(e.ReceivedAt.Time()))
	bound, _ := slices.BinarySearchFunc(WaitBounds[:], wait, cmp.Compare[time.Duration])
	t.waits[bound].Add(1)
	t.waited.Add(int64(wait))
}

func loaded[T any](m *sync.Map, key string) *T {
	if v, ok := m.Load(key); ok {
		return v.(*T)
	}
	v, _ := m.LoadOrStore(key, new(T))
	return v.(*T)
}

// All are the counts by event type.
func (c *RoutedCounts) All() (out []RoutedCount) {
	for name, v := range c.types.Range {
		t := v.(*typeCounts)
		n := RoutedCount{Type: name.(string), Real: t.all.read(), Synthetic: t.synthetic.read(), Tags: map[string]RoutedStages{}, Waited: time.Duration(t.waited.Load())}
		for tag, s := range t.tags.Range {
			n.Tags[tag.(string)] = s.(*stages).read()
		}
		for i := range t.waits {
			n.Waits[i] = t.waits[i].Load()
		}
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b RoutedCount) int { return cmp.Compare(a.Type, b.Type) })
	return out
}
