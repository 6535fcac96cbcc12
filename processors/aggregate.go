// This file answers: what do events that an aggregation matched come to?

package processors

import (
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// maxAggregatedRows is how many keys one version of an aggregation may have at
// a time, as estimated from every 64th of them.
const (
	maxAggregatedRows = 1_000_000
	sampledRows       = 64
)

// TooManyKeys is why an aggregation is put into quarantine.
const TooManyKeys = "more than about 1,000,000 keys at a time: choose a key that repeats, a narrower condition or a shorter time"

// FoldAggregationMatched takes an event into what it belongs to. What cannot be
// used is counted, and told to those who read mediator.aggregation.late.
func FoldAggregationMatched(row tables.Aggregated, rec topology.Record[events.AggregationMatched]) (tables.Aggregated, []topology.Output) {
	m := rec.Body
	began := row.Aggregation == ""
	row.Aggregation, row.Version, row.Group = m.Aggregation, m.Version, m.Group
	classes := append(slices.Clone(row.Plan.Classes), m.Plan.Classes...)
	if began || m.Plan.OutputVersion > row.Plan.OutputVersion { // all else is the version's
		row.Plan = m.Plan
	}
	slices.Sort(classes)
	row.Plan.Classes = slices.Compact(classes)
	if m.Group == "" {
		return account(row, m)
	}
	next, reason, out := used(row, rec)
	switch reason {
	case tables.AggregatedTwice:
		return next, []topology.Output{{Value: topology.Dropped{Code: Duplicate}}}
	case tables.AggregatedTaken:
		next.Count++
		next.LastAt = max(next.LastAt, m.At)
	default:
		var fresh bool
		if next, fresh = next.Refuse(m.ID, reason); fresh {
			out = append(out, late(m, reason))
		}
		next.LastAt = max(next.LastAt, m.At)
		next = next.Stay(m.MatchedAt)
	}
	if began {
		out = append(out, told(next, m.MatchedAt, 1)...)
	}
	return next, out
}

// used takes an event into a row by the kind of its aggregation.
func used(row tables.Aggregated, rec topology.Record[events.AggregationMatched]) (_ tables.Aggregated, reason string, out []topology.Output) {
	m := rec.Body
	switch m.Plan.Kind {
	case tables.AggregateEvery:
		day := events.Instant((24 * time.Hour).Microseconds())
		next, reason := row.Take(tables.AggregatedWindow{Start: m.MatchedAt - m.MatchedAt%day, End: m.MatchedAt - m.MatchedAt%day + day}, m)
		if reason == tables.AggregatedTwice {
			return row, reason, nil
		}
		next.Emitted++
		return next, tables.AggregatedTaken, []topology.Output{everyOutput(next, rec)}
	case tables.AggregateWindow:
		next, reason := takeAll(row, m)
		return next, reason, nil
	}
	horizon := m.Plan.Within + m.Plan.Lateness
	if m.At <= row.Settled || m.At+events.Instant(horizon) <= m.MatchedAt {
		if known(row, m) {
			return row, tables.AggregatedTwice, nil
		}
		return row, tables.AggregatedLate, nil
	}
	next, fresh, fits := row.Insert(tables.AggregatedFact{Step: m.Step, ID: m.ID, At: m.At, Tags: m.Tags, TransactionID: m.TransactionID, Trace: string(rec.Source.Header("traceparent"))})
	switch {
	case !fresh:
		return row, tables.AggregatedTwice, nil
	case !fits:
		return row, tables.AggregatedManyFacts, nil
	}
	return next, tables.AggregatedTaken, nil
}

func known(row tables.Aggregated, m events.AggregationMatched) bool {
	return slices.ContainsFunc(row.Facts, func(f tables.AggregatedFact) bool { return f.At == m.At && f.ID == m.ID && f.Step == m.Step })
}

// takeAll counts an event in each of its windows; it is late where none takes it.
func takeAll(row tables.Aggregated, m events.AggregationMatched) (_ tables.Aggregated, reason string) {
	reason = tables.AggregatedLate
	for _, w := range tables.WindowsOf(m.Plan, m.At) {
		next, became := row.Take(w, m)
		if row = next; became == tables.AggregatedTaken || reason == tables.AggregatedLate {
			reason = became
		}
	}
	return row, reason
}

// account counts what an aggregation could not use at all, and its keys.
func account(row tables.Aggregated, m events.AggregationMatched) (tables.Aggregated, []topology.Output) {
	row = row.Stay(m.MatchedAt)
	if m.Fault == "" {
		row.Rows = max(0, row.Rows+m.Rows)
		if row.Rows < maxAggregatedRows || row.Stopped {
			return row, nil
		}
		row.Stopped = true
		c := events.Control{Kind: tables.KindAggregation, Name: m.Aggregation, Version: m.Version + 1, Act: events.ControlQuarantine, By: "aggregations", Why: TooManyKeys, At: m.MatchedAt}
		return row, []topology.Output{{Key: c.Subject(), Value: c}}
	}
	row.LastAt = max(row.LastAt, m.At)
	next, fresh := row.Refuse(m.ID, m.Fault)
	if !fresh {
		return row, []topology.Output{{Value: topology.Dropped{Code: Duplicate}}}
	}
	return next, []topology.Output{late(m, m.Fault)}
}

// late tells of an event that was not used.
func late(m events.AggregationMatched, reason string) topology.Output {
	step := ""
	if int(m.Step) < len(m.Plan.Steps) {
		step = m.Plan.Steps[m.Step]
	}
	return topology.Output{Key: string(m.Key), Value: events.AggregationLate{Key: m.Key, Aggregation: m.Aggregation, Version: m.Version, Group: m.Group,
		Step: step, ID: m.ID, At: m.At, MatchedAt: m.MatchedAt, Values: m.Values, Reason: reason}}
}

// told tells the account that a row began or went, of every 64th row.
func told(row tables.Aggregated, at events.Instant, more int64) []topology.Output {
	if sampled(row.Group)%sampledRows != 0 {
		return nil
	}
	m := events.AggregationMatched{Key: events.AggregationKey(row.Aggregation, row.Version, ""), Aggregation: row.Aggregation, Version: row.Version, Plan: row.Plan,
		At: at, MatchedAt: at, Values: []events.Text{}, Tags: []string{}, Rows: more * sampledRows}
	return []topology.Output{{Key: string(m.Key), Value: m}}
}

// WakeAggregated closes windows and judges waits that are over by the clock.
func WakeAggregated(row tables.Aggregated, w topology.Waking) (tables.Aggregated, []topology.Output) {
	clock := events.InstantOf(w.Clock)
	if row.Until <= clock {
		row.Until = 0
	}
	var out []topology.Output
	switch row.Plan.Kind {
	case tables.AggregateAllOf:
		row, out = combine(row, clock, w.Synthetic)
	case tables.AggregateAbsence:
		row, out = judge(row, clock, w.Synthetic)
	default:
		var closed []tables.AggregatedWindow
		row, closed = row.Close(clock)
		for _, c := range closed {
			if row.Plan.Kind == tables.AggregateWindow {
				row.Emitted++
				out = append(out, windowOutput(row, c, clock, w.Synthetic))
			}
		}
	}
	if row.Gone() && row.Group != "" {
		out = append(out, told(row, clock, -1)...)
	}
	return row, out
}
