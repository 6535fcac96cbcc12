package tables

import (
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"payerflow/events"
	"payerflow/internal/topology"
)

// Aggregated is what one version of an aggregation knows of one key: windows,
// or the events that still have a part in something. The row without a group
// is the account of the aggregation itself. It holds nothing that the team may
// not see.
type Aggregated struct {
	Aggregation string                 `avro:"aggregation" json:"aggregation" class:"PUBLIC"` // team/name
	Version     int32                  `avro:"version" json:"version" class:"PUBLIC"`
	Group       events.ID              `avro:"group" json:"group" class:"ROW"`
	Plan        events.AggregationPlan `avro:"plan" json:"plan" class:"PUBLIC"`
	Count       int64                  `avro:"count" json:"count" class:"PUBLIC"`     // events that were used
	Emitted     int64                  `avro:"emitted" json:"emitted" class:"PUBLIC"` // outputs
	LastAt      events.Instant         `avro:"lastAt" json:"lastAt" class:"PUBLIC"`   // event time of the latest
	Settled     events.Instant         `avro:"settled" json:"settled" class:"PUBLIC"` // what happened until then is decided
	Windows     []AggregatedWindow     `avro:"windows" json:"windows" class:"PUBLIC"` // by begin; sessions, and hours of EVERY, too
	Facts       []AggregatedFact       `avro:"facts" json:"facts" class:"PUBLIC"`     // by time, id and step
	Refused     map[string]int64       `avro:"refused" json:"refused" class:"PUBLIC"` // events that were not used, by reason
	Missed      []int64                `avro:"missed" json:"missed" class:"PUBLIC"`   // which ones: hashes, the lowest few
	Rows        int64                  `avro:"rows" json:"rows" class:"PUBLIC"`       // of the account: about how many keys there are
	Stopped     bool                   `avro:"stopped" json:"stopped" class:"PUBLIC"` // of the account: a quarantine was asked for
	Until       events.Instant         `avro:"until" json:"until" class:"PUBLIC"`     // of the account, and of rows that only refused: when the row goes
}

// AggregatedFact is an event that waits for others, or to be put in order.
type AggregatedFact struct {
	Step          int32          `avro:"step" json:"step" class:"PUBLIC"`
	ID            string         `avro:"eventId" json:"eventId" class:"PUBLIC"`
	At            events.Instant `avro:"time" json:"time" class:"PUBLIC"`
	Tags          []string       `avro:"tags" json:"tags" class:"PUBLIC"`
	TransactionID string         `avro:"transactionId" json:"transactionId" class:"PUBLIC"`
	Trace         string         `avro:"trace" json:"trace" class:"PUBLIC"` // traceparent
	Judged        bool           `avro:"judged" json:"judged" class:"PUBLIC"`
}

// Bounds of a row, and for how long it shows what is over.
const (
	MaxAggregatedFacts   = 256
	MaxAggregatedWindows = 200 // open ones
	aggregatedIDs        = 16  // ids that a window names
	aggregatedSeen       = 128 // events that are known again
	shownWindows         = 12  // that are over
	shownFor             = 24 * time.Hour
)

// Hash is an event's identity in a row.
func hashOf(id string) int64 { return int64(xxhash.Sum64String(id)) }

// lowest adds a number to the lowest of a set; fresh is false where it is there.
func lowest[T int64 | string](set []T, v T, most int) (next []T, fresh bool) {
	at, found := slices.BinarySearch(set, v)
	if found {
		return set, false
	}
	next = slices.Insert(slices.Clone(set), at, v)
	return next[:min(len(next), most)], true
}

// Because names events of what is open.
func (r Aggregated) Because() topology.Because {
	because := topology.Because{IDs: []string{}, Count: int(r.Count)}
	for _, w := range r.Windows {
		because.IDs = append(because.IDs, w.IDs...)
	}
	for _, f := range r.Facts {
		because.IDs = append(because.IDs, f.ID)
	}
	slices.Sort(because.IDs)
	because.IDs = slices.Compact(because.IDs)
	because.IDs = because.IDs[:min(len(because.IDs), aggregatedIDs)]
	return because
}

// LatestEventAt is the event time of the latest event.
func (r Aggregated) LatestEventAt() time.Time { return r.LastAt.Time() }

// RowClasses are those of the key and the values: the view shows them to those
// who may see all of them.
func (r Aggregated) RowClasses() []string {
	if len(r.Plan.Classes) == 0 {
		return []string{ClassPublic}
	}
	return r.Plan.Classes
}

// Gone says that nothing is left to wait for or to show.
func (r Aggregated) Gone() bool {
	return len(r.Windows) == 0 && len(r.Facts) == 0 && r.Until == 0
}

// Refuse counts an event that cannot be used, and says whether it was not
// counted before.
func (r Aggregated) Refuse(id, reason string) (Aggregated, bool) {
	missed, fresh := lowest(r.Missed, hashOf(reason+" "+id), aggregatedSeen)
	if !fresh {
		return r, false
	}
	counts := make(map[string]int64, len(r.Refused)+1)
	for reason, n := range r.Refused {
		counts[reason] = n
	}
	counts[reason]++
	r.Missed, r.Refused = missed, counts
	return r, true
}

// Stay keeps the row for a day from then.
func (r Aggregated) Stay(at events.Instant) Aggregated {
	r.Until = max(r.Until, at+events.Instant(shownFor.Microseconds()))
	return r
}

// Insert adds a fact; fresh is false for one that is there, fits for one too
// many.
func (r Aggregated) Insert(f AggregatedFact) (next Aggregated, fresh, fits bool) {
	at, found := slices.BinarySearchFunc(r.Facts, f, AggregatedFact.Compare)
	if found {
		return r, false, true
	}
	if len(r.Facts) >= MaxAggregatedFacts {
		return r, true, false
	}
	r.Facts = slices.Insert(slices.Clone(r.Facts), at, f)
	return r, true, true
}

// Compare orders facts by time, id and step.
func (f AggregatedFact) Compare(g AggregatedFact) int {
	switch {
	case f.At != g.At:
		return int(min(1, max(-1, f.At-g.At)))
	case f.ID != g.ID:
		if f.ID < g.ID {
			return -1
		}
		return 1
	}
	return int(f.Step - g.Step)
}

// Due is when something of the row is over.
func (r Aggregated) Due() time.Time {
	due := r.Until
	sooner := func(at events.Instant) {
		if due == 0 || at < due {
			due = at
		}
	}
	for _, w := range r.Windows {
		sooner(w.due(r.Plan))
	}
	for _, f := range r.Facts {
		sooner(f.due(r.Plan))
	}
	if due == 0 {
		return time.Time{}
	}
	return due.Time()
}

// due is when a fact is put in order or judged, and then when it can have no
// part in anything any more.
func (f AggregatedFact) due(p events.AggregationPlan) events.Instant {
	at := f.At + events.Instant(p.Lateness)
	switch {
	case p.Kind == AggregateAllOf && !f.Judged:
		return at
	case p.Kind == AggregateAllOf:
		return at + events.Instant(p.Within)
	case int(f.Step) == len(p.Steps)-2 && !f.Judged:
		return at + events.Instant(p.Within)
	}
	return at + events.Instant(p.Within+p.Before)
}

// Over says whether a fact can have no part in anything any more.
func (f AggregatedFact) Over(p events.AggregationPlan, clock events.Instant) bool {
	horizon := p.Within + p.Lateness
	if p.Kind == AggregateAbsence {
		horizon += p.Before
	}
	return f.At+events.Instant(horizon) <= clock
}
