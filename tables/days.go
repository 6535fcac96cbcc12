package tables

import (
	"math"

	"payerflow/events"
)

// DaySpan is a run of days, both ends in it. Without To it is open.
type DaySpan struct {
	From events.Date  `avro:"from" json:"from" class:"PUBLIC"`
	To   *events.Date `avro:"to" json:"to,omitempty" class:"PUBLIC"`
}

// Has says whether a day is in the span.
func (s DaySpan) Has(day events.Date) bool { return s.From <= day && day <= LastDay(s.To) }

// LastDay is the last day of a span, the last there is of an open one.
func LastDay(to *events.Date) events.Date {
	if to == nil {
		return math.MaxInt32
	}
	return *to
}

// DayBefore is the day before another, itself at the beginning of all days.
func DayBefore(day events.Date) events.Date { return max(day, math.MinInt32+1) - 1 }
