package tables

import (
	"cmp"
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// SLA is how long events with one tag took from the door to their delivery.
// Windows hold the 24 hours before the latest delivery, oldest first.
type SLA struct {
	Tag     string         `avro:"tag" json:"tag" class:"PUBLIC"`
	LastAt  events.Instant `avro:"lastAt" json:"lastAt" class:"PUBLIC"`
	Windows []SLAWindow    `avro:"windows" json:"windows"`
}

// SLAWindow counts the events that were delivered within SLAStep.
type SLAWindow struct {
	Start     events.Instant `avro:"start" json:"start" class:"PUBLIC"`
	Count     int64          `avro:"count" json:"count" class:"PUBLIC"`
	MaxMicros int64          `avro:"maxMicros" json:"maxMicros" class:"PUBLIC"`
	First     int32          `avro:"first" json:"first" class:"PUBLIC"`   // bucket of Counts[0]
	Counts    []int64        `avro:"counts" json:"counts" class:"PUBLIC"` // events by bucket
}

// Windows are SLAStep long and kept for SLAKept.
const (
	SLAStep = 5 * time.Minute
	SLAKept = 24 * time.Hour
)

// slaBuckets are of microseconds: the last but one ends at 3 h 55 min.
const slaBuckets = 96

// With is the row with one more event. An event that was delivered more than
// SLAKept before the latest changes nothing.
func (r SLA) With(tag string, at events.Instant, took time.Duration) SLA {
	start := events.InstantOf(at.Time().Truncate(SLAStep))
	r.Tag, r.LastAt = tag, max(r.LastAt, at)
	oldest := events.InstantOf(r.LastAt.Time().Truncate(SLAStep).Add(-SLAKept))
	kept, _ := slices.BinarySearchFunc(r.Windows, oldest, startOf)
	r.Windows = slices.Clone(r.Windows[kept:])
	if start < oldest {
		return r
	}
	i, found := slices.BinarySearchFunc(r.Windows, start, startOf)
	if !found {
		r.Windows = slices.Insert(r.Windows, i, SLAWindow{Start: start})
	}
	r.Windows[i] = r.Windows[i].with(max(0, took.Microseconds()), 1)
	return r
}

func startOf(w SLAWindow, start events.Instant) int { return cmp.Compare(w.Start, start) }

func (w SLAWindow) with(micros, count int64) SLAWindow {
	w.MaxMicros = max(w.MaxMicros, micros)
	return w.add(bucketOf(micros, slaBuckets), count)
}

// add counts events into a bucket.
func (w SLAWindow) add(bucket int, count int64) SLAWindow {
	b := buckets{w.First, w.Counts}.add(bucket, count)
	w.First, w.Counts, w.Count = b.first, b.counts, w.Count+count
	return w
}

// Latency is what a run of windows says together. Percentiles are the ends of
// their buckets, and never more than Max.
type Latency struct {
	Count              int64
	P50, P95, P99, Max time.Duration
}

// Between adds up the windows that begin in [from, to).
func (r SLA) Between(from, to time.Time) Latency {
	var all SLAWindow
	for _, w := range r.Windows {
		if at := w.Start.Time(); at.Before(from) || !at.Before(to) {
			continue
		}
		for i, n := range w.Counts {
			all = all.add(int(w.First)+i, n)
		}
		all.MaxMicros = max(all.MaxMicros, w.MaxMicros)
	}
	return all.Latency()
}

// Latency is what one window says.
func (w SLAWindow) Latency() Latency {
	return Latency{Count: w.Count, P50: w.percentile(50), P95: w.percentile(95), P99: w.percentile(99), Max: time.Duration(w.MaxMicros) * time.Microsecond}
}

func (w SLAWindow) percentile(p int64) time.Duration {
	return time.Duration(buckets{w.First, w.Counts}.percentile(p, w.Count, w.MaxMicros, slaBuckets)) * time.Microsecond
}

// Because counts the events. An aggregate does not name them.
func (r SLA) Because() topology.Because {
	because := topology.Because{IDs: []string{}}
	for _, w := range r.Windows {
		because.Count += int(w.Count)
	}
	return because
}

// LatestEventAt is the delivery of the latest event.
func (r SLA) LatestEventAt() time.Time { return r.LastAt.Time() }
