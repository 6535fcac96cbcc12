package tables

import (
	"cmp"
	"math/bits"
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

// Bucket n holds what took longer than bucket n-1 ends and at most
// quarters[n%4] << (n/4) microseconds: a quarter of a doubling each, so that a
// percentile is told at most a fifth too long. The last one has no end.
var quarters = [4]int64{1000, 1189, 1414, 1682}

const slaBuckets = 96 // the last but one ends at 3 h 55 min

func bucketEnd(n int) int64 { return quarters[n%4] << (n / 4) }

func bucketOf(micros int64) int {
	if micros <= quarters[0] {
		return 0
	}
	n := 4 * (bits.Len64(uint64(micros/quarters[0])) - 1)
	for n < slaBuckets-1 && bucketEnd(n) < micros {
		n++
	}
	return min(n, slaBuckets-1)
}

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
	return w.add(bucketOf(micros), count)
}

// add counts events into a bucket, and makes room for it.
func (w SLAWindow) add(bucket int, count int64) SLAWindow {
	first, end := bucket, bucket+1
	if len(w.Counts) > 0 {
		first, end = min(first, int(w.First)), max(end, int(w.First)+len(w.Counts))
	}
	counts := make([]int64, end-first)
	if len(w.Counts) > 0 {
		copy(counts[int(w.First)-first:], w.Counts)
	}
	counts[bucket-first] += count
	w.First, w.Counts, w.Count = int32(first), counts, w.Count+count
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
	rank, seen := (w.Count*p+99)/100, int64(0)
	for i, n := range w.Counts {
		if seen += n; seen >= rank && seen > 0 {
			micros := w.MaxMicros
			if b := int(w.First) + i; b < slaBuckets-1 {
				micros = min(micros, bucketEnd(b))
			}
			return time.Duration(micros) * time.Microsecond
		}
	}
	return 0
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
