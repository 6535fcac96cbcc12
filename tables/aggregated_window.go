package tables

import (
	"cmp"
	"slices"

	"payerflow/events"
)

// AggregatedWindow is a window of one key. Of EVERY it is the day in which
// events were matched, and only there to know them again.
type AggregatedWindow struct {
	Start  events.Instant     `avro:"start" json:"start" class:"PUBLIC"`
	End    events.Instant     `avro:"end" json:"end" class:"PUBLIC"` // what happened then is in the next; of a session: its last event and the gap
	Closed bool               `avro:"closed" json:"closed" class:"PUBLIC"`
	Count  int64              `avro:"count" json:"count" class:"PUBLIC"`
	Values []AggregatedNumber `avro:"values" json:"values" class:"PUBLIC"` // as the plan names them
	IDs    []string           `avro:"eventIds" json:"eventIds" class:"PUBLIC"`
	Seen   []int64            `avro:"seen" json:"seen" class:"PUBLIC"` // hashes of ids, the lowest few
}

// AggregatedNumber is what was made of one value so far.
type AggregatedNumber struct {
	Count  int64       `avro:"count" json:"count" class:"PUBLIC"` // events that have it
	Value  events.Text `avro:"value" json:"value" class:"ROW"`    // sum, min or max: a decimal
	Micros int64       `avro:"micros" json:"micros" class:"ROW"`  // of a percentile: the largest
	First  int32       `avro:"first" json:"first" class:"ROW"`    // bucket of Counts[0]
	Counts []int64     `avro:"counts" json:"counts" class:"ROW"`
}

// aggregatedBuckets are of millionths; the last but one ends at about 7.5e12.
const aggregatedBuckets = 212

func (w AggregatedWindow) due(p events.AggregationPlan) events.Instant {
	if w.Closed {
		return w.End + events.Instant(p.Lateness+shownFor.Microseconds())
	}
	return w.End + events.Instant(p.Lateness)
}

// WindowsOf are the windows that an event belongs to. Of a session it is the one
// that it would be alone.
func WindowsOf(p events.AggregationPlan, at events.Instant) (out []AggregatedWindow) {
	if p.Shape == ShapeSession {
		return []AggregatedWindow{{Start: at, End: at + events.Instant(p.Size)}}
	}
	size, every := events.Instant(p.Size), events.Instant(p.Every)
	if size <= 0 || every <= 0 {
		return nil
	}
	for start := at - at%every; start > at-size; start -= every {
		out = append(out, AggregatedWindow{Start: start, End: start + size})
	}
	slices.Reverse(out)
	return out
}

// What becomes of an event.
const (
	AggregatedTaken     = ""
	AggregatedLate      = "LATE"
	AggregatedTwice     = "DUPLICATE"
	AggregatedFull      = "TOO_MANY_WINDOWS" // the row has no room: its clock is ahead, or the window too short
	AggregatedManyFacts = "TOO_MANY_EVENTS"  // wait for others with the same key
	AggregatedTooLarge  = "NUMBER_TOO_LARGE" // for the sum
)

// Take counts an event in a window.
func (r Aggregated) Take(w AggregatedWindow, m events.AggregationMatched) (next Aggregated, outcome string) {
	session := r.Plan.Shape == ShapeSession
	if !session && w.End <= r.Settled || session && m.At <= r.Settled || w.End+events.Instant(r.Plan.Lateness) <= m.MatchedAt {
		return r, AggregatedLate
	}
	var met []AggregatedWindow
	rest := make([]AggregatedWindow, 0, len(r.Windows)+1)
	for _, o := range r.Windows {
		if !o.Closed && (o.Start == w.Start && !session || session && o.Start <= w.End && w.Start <= o.End) {
			met = append(met, o)
		} else {
			rest = append(rest, o)
		}
	}
	if len(met) == 0 && len(rest) >= MaxAggregatedWindows {
		return r, AggregatedFull
	}
	joined, outcome := w.join(met, r.Plan).with(m, r.Plan)
	if outcome != AggregatedTaken {
		return r, outcome
	}
	at, _ := slices.BinarySearchFunc(rest, joined, func(a, b AggregatedWindow) int { return cmp.Compare(a.Start, b.Start) })
	r.Windows = slices.Insert(rest, at, joined)
	return r, AggregatedTaken
}

// join is the window together with those that it touches.
func (w AggregatedWindow) join(all []AggregatedWindow, p events.AggregationPlan) AggregatedWindow {
	if len(all) == 1 && len(all[0].Values) == len(p.Values) { // by far the most
		one := all[0]
		one.Start, one.End, one.Values = min(w.Start, one.Start), max(w.End, one.End), slices.Clone(one.Values)
		return one
	}
	w.Values = make([]AggregatedNumber, len(p.Values))
	for _, o := range all {
		w.Start, w.End, w.Count = min(w.Start, o.Start), max(w.End, o.End), w.Count+o.Count
		for _, id := range o.IDs {
			w.IDs, _ = lowest(w.IDs, id, aggregatedIDs)
		}
		for _, hash := range o.Seen {
			w.Seen, _ = lowest(w.Seen, hash, aggregatedSeen)
		}
		for i := range min(len(w.Values), len(o.Values)) {
			if joined, ok := w.Values[i].join(o.Values[i], p.Values[i].Do); ok {
				w.Values[i] = joined
			}
		}
	}
	return w
}

// with is the window with one more event.
func (w AggregatedWindow) with(m events.AggregationMatched, p events.AggregationPlan) (_ AggregatedWindow, outcome string) {
	var fresh bool
	if w.Seen, fresh = lowest(w.Seen, hashOf(m.ID), aggregatedSeen); !fresh {
		return w, AggregatedTwice
	}
	w.IDs, _ = lowest(w.IDs, m.ID, aggregatedIDs)
	w.Count++
	for i := range min(len(w.Values), len(m.Values)) {
		one, ok := numberOf(m.Values[i], p.Values[i].Do)
		if ok {
			one, ok = w.Values[i].join(one, p.Values[i].Do)
		}
		if !ok {
			return w, AggregatedTooLarge
		}
		w.Values[i] = one
	}
	return w, AggregatedTaken
}

// numberOf is what one event adds to a value; the zero number where it has none.
func numberOf(text events.Text, do string) (AggregatedNumber, bool) {
	if text == "" || do == DoValue {
		return AggregatedNumber{}, true
	}
	if do != DoPercentile {
		return AggregatedNumber{Count: 1, Value: text}, true
	}
	d, err := events.ParseDecimal(string(text))
	n, ok := d.Micros()
	if err != nil || !ok {
		return AggregatedNumber{}, false
	}
	b := buckets{}.add(bucketOf(n, aggregatedBuckets), 1)
	return AggregatedNumber{Count: 1, Micros: n, First: b.first, Counts: b.counts}, true
}

// join is two numbers as one; ok is false where their sum is too large.
func (n AggregatedNumber) join(o AggregatedNumber, do string) (_ AggregatedNumber, ok bool) {
	if n.Count == 0 || o.Count == 0 {
		if n.Count == 0 {
			n = o
		}
		return n, true
	}
	n.Count += o.Count
	if do == DoPercentile {
		b := buckets{n.First, n.Counts}
		for i, count := range o.Counts {
			b = b.add(int(o.First)+i, count)
		}
		n.First, n.Counts, n.Micros = b.first, b.counts, max(n.Micros, o.Micros)
		return n, true
	}
	x, wrong := events.ParseDecimal(string(n.Value))
	y, also := events.ParseDecimal(string(o.Value))
	if wrong != nil || also != nil {
		return n, false
	}
	switch c := x.Compare(y); {
	case do == DoSum:
		if x, ok = x.Add(y); !ok {
			return n, false
		}
	case do == DoMin && c > 0, do == DoMax && c < 0:
		x = y
	}
	n.Value = events.Text(x.String())
	return n, true
}

// Said is a number as a text, "" where no event had it.
func (n AggregatedNumber) Said(p events.AggregationNumber) events.Text {
	if n.Count == 0 || p.Do != DoPercentile {
		return n.Value
	}
	micros := buckets{n.First, n.Counts}.percentile(int64(p.Percentile), n.Count, n.Micros, aggregatedBuckets)
	return events.Text(events.DecimalOfMicros(micros).String())
}

// Close ends the windows that are over at a time, and forgets those that were
// shown long enough. closed are by their begin.
func (r Aggregated) Close(clock events.Instant) (next Aggregated, closed []AggregatedWindow) {
	shown := 0
	var all []AggregatedWindow
	for _, w := range slices.Backward(r.Windows) {
		switch {
		case w.due(r.Plan) > clock:
		case w.Closed:
			continue
		default:
			w.Closed, w.Seen = true, []int64{}
			r.Settled = max(r.Settled, w.End)
			closed = append(closed, w)
		}
		if w.Closed {
			if shown++; shown > shownWindows || w.due(r.Plan) <= clock {
				continue
			}
		}
		all = append(all, w)
	}
	slices.Reverse(all)
	slices.Reverse(closed)
	r.Windows = all
	return r, closed
}
