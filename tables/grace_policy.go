package tables

import (
	"sync"
	"time"
	_ "time/tzdata" // zones are the same on every worker, whatever its system knows

	"payerflow/events"
)

// GracePolicy says how long a member with an unpaid premium keeps coverage;
// name: plan/effective. It holds for premiums that become overdue from
// Effective on, until the plan's next policy.
type GracePolicy struct {
	Plan      string      `json:"plan"`      // planId, or AnyPlan
	Effective events.Date `json:"effective"` // first day
	Days      int         `json:"days"`      // of members without advance premium tax credits
	// AptcMonths is for members with credits; claims of the first AptcPaysMonths
	// are paid, those of later ones may be pended.
	AptcMonths     int    `json:"aptcMonths"`
	AptcPaysMonths int    `json:"aptcPaysMonths"`
	Zone           string `json:"zone"` // of the plan's days, an IANA name
	Doc            string `json:"doc,omitempty"`
}

// AnyPlan is the plan of the policies for plans that have none of their own.
const AnyPlan = "*"

// DefaultGracePolicy is what counts where no row says otherwise: 30 days, which
// is our own decision, and for members with advance premium tax credits three
// months, the first of which the plan pays for (45 CFR 156.270(d)).
var DefaultGracePolicy = GracePolicy{Plan: AnyPlan, Days: 30, AptcMonths: 3, AptcPaysMonths: 1, Zone: "America/New_York"}

// ID is the policy's name in control events.
func (p GracePolicy) ID() string { return p.Plan + "/" + p.Effective.String() }

// Grace is the grace period of a premium that is overdue from a day on: its
// last day, and the last day of service whose claims are paid, nil where that
// is the same.
func (p GracePolicy) Grace(from events.Date, aptc bool) (through events.Date, pays *events.Date) {
	if !aptc {
		return from + events.Date(p.Days) - 1, nil
	}
	paid := MonthsAfter(from, p.AptcPaysMonths) - 1
	return MonthsAfter(from, p.AptcMonths) - 1, &paid
}

// MonthsAfter is the day so many months on. A month that has no such day is
// over with its last: one month after 31 January is 1 March, so that the month
// before runs through the whole of February.
func MonthsAfter(day events.Date, months int) events.Date {
	t := day.Time()
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	next := first.AddDate(0, 1, 0)
	return min(events.DateOf(first)+events.Date(t.Day())-1, events.DateOf(next))
}

// Location is the policy's zone, UTC where there is no such zone.
func (p GracePolicy) Location() *time.Location {
	if l, known := zones.Load(p.Zone); known {
		return l.(*time.Location)
	}
	l, err := time.LoadLocation(p.Zone)
	if err != nil {
		return time.UTC
	}
	zones.Store(p.Zone, l)
	return l
}

// zones are those that were read, by name.
var zones sync.Map

// FirstMoment is when a day begins in a zone. A day whose midnight is skipped
// begins when clocks have been put forward.
func FirstMoment(day events.Date, in *time.Location) events.Instant {
	d := day.Time()
	at := time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, in)
	if at.Day() != d.Day() {
		at = at.Add(time.Hour)
	}
	return events.InstantOf(at)
}

// DayIn is the day that a time falls on in a zone.
func DayIn(at events.Instant, in *time.Location) events.Date {
	y, m, d := at.Time().In(in).Date()
	return events.DateOf(time.Date(y, m, d, 0, 0, 0, 0, time.UTC))
}
