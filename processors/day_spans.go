// This file answers: which days are left when a run of days is told, or denied.

package processors

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// tellDays says that something is so from a day on until another, and neither
// later in the run that it takes over: spans that begin within it are gone,
// those that reach into it end before it. A span that begins after it stays.
// With no days in it, what was told of a run that begins on its first day is
// taken back.
func tellDays(spans []tables.DaySpan, days tables.DaySpan) []tables.DaySpan {
	out := make([]tables.DaySpan, 0, len(spans)+1)
	none := tables.LastDay(days.To) < days.From
	for _, s := range spans {
		switch {
		case none && s.From == days.From:
		case none, s.From > tables.LastDay(days.To), tables.LastDay(s.To) < days.From:
			out = append(out, s)
		case s.From < days.From:
			out = append(out, tables.DaySpan{From: s.From, To: until(tables.DayBefore(days.From))})
		}
	}
	if !none {
		out = append(out, days)
	}
	slices.SortFunc(out, func(a, b tables.DaySpan) int { return cmp.Compare(a.From, b.From) })
	return out
}

// denyDays says that something is not so on a run of days; other days stay.
func denyDays(spans []tables.DaySpan, days tables.DaySpan) []tables.DaySpan {
	out := make([]tables.DaySpan, 0, len(spans)+1)
	last := tables.LastDay(days.To)
	for _, s := range spans {
		if last < days.From || s.From > last || tables.LastDay(s.To) < days.From {
			out = append(out, s)
			continue
		}
		if s.From < days.From {
			out = append(out, tables.DaySpan{From: s.From, To: until(tables.DayBefore(days.From))})
		}
		if tables.LastDay(s.To) > last {
			out = append(out, tables.DaySpan{From: last + 1, To: s.To})
		}
	}
	return out
}

func until(day events.Date) *events.Date { return &day }
