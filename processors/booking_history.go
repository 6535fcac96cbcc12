// This file answers: what was the verdict on a booking at each event time, with
// the facts up to then.

package processors

import (
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// settleBooking lets a row follow from its facts: those of the booking, and
// what was told last of its member and its provider.
func settleBooking(key string, facts []tables.BookingFact, coverage *tables.ToldCoverage, standing *tables.ToldStanding) tables.BookingCoverage {
	told := replay{bookings: facts}
	if coverage != nil {
		told.coverage = coverage.Facts
	}
	if standing != nil {
		told.standing = standing.Facts
	}
	history := told.run()
	now, last := told.booking.latest, history[len(history)-1]
	row := tables.BookingCoverage{BookingID: events.ID(key), MemberID: told.booking.first.MemberID, ProviderID: told.booking.first.ProviderID,
		Verdict: last.Verdict, VerdictAt: last.At, PlanID: last.PlanID, Reasons: last.Reasons,
		CoverageType: serviceLine(now.ServiceCode), WantedPlanID: now.PlanID, ServiceDate: now.ServiceDate, ServiceCode: now.ServiceCode, VisitType: now.VisitType,
		History: history, Bookings: facts, Coverage: coverage, Standing: standing}
	marks := append(slices.Clone(told.days.marks), told.stands.marks...)
	if told.booking.member {
		marks = append(marks, ReasonMemberDiffers)
	}
	if told.booking.visited {
		marks = append(marks, ReasonProviderDiffers)
	}
	if told.booking.again {
		marks = append(marks, MarkCancelledAndConfirmed)
	}
	row.Marks = marked(marks, false)
	return row
}

// replay tells facts of three kinds in the order of event time.
type replay struct {
	bookings []tables.BookingFact
	coverage []tables.CoverageFact
	standing []tables.StandingFact

	booking bookingTold
	days    coverageDays
	stands  standingDays
}

// run begins with the booking's first fact, and what was known by then of
// member and provider, and notes each time at which the verdict changes.
func (r *replay) run() (history []tables.BookingVerdict) {
	at, more := r.bookings[0].At, true
	for more {
		by := r.tell(at)
		v := decide(&r.booking, &r.days, &r.stands)
		if n := len(history); n == 0 || !sameVerdict(history[n-1], v) {
			v.At, v.By = at, by
			history = append(history, v)
		}
		at, more = r.next()
	}
	return history
}

// tell tells all facts up to an event time and returns the ids of those of
// exactly that time, sorted.
func (r *replay) tell(upTo events.Instant) []string {
	by := []string{}
	note := func(at events.Instant, id string) {
		if at == upTo {
			by = append(by, id)
		}
	}
	for ; len(r.bookings) > 0 && r.bookings[0].At <= upTo; r.bookings = r.bookings[1:] {
		r.booking.tell(r.bookings[0])
		note(r.bookings[0].At, r.bookings[0].ID)
	}
	for ; len(r.coverage) > 0 && r.coverage[0].At <= upTo; r.coverage = r.coverage[1:] {
		r.days.tell(r.coverage[0])
		note(r.coverage[0].At, r.coverage[0].ID)
	}
	for ; len(r.standing) > 0 && r.standing[0].At <= upTo; r.standing = r.standing[1:] {
		r.stands.tell(r.standing[0])
		note(r.standing[0].At, r.standing[0].ID)
	}
	slices.Sort(by)
	return by
}

// next is the time of the earliest fact that was not told yet.
func (r *replay) next() (at events.Instant, more bool) {
	earlier := func(t events.Instant) {
		if !more || t < at {
			at, more = t, true
		}
	}
	if len(r.bookings) > 0 {
		earlier(r.bookings[0].At)
	}
	if len(r.coverage) > 0 {
		earlier(r.coverage[0].At)
	}
	if len(r.standing) > 0 {
		earlier(r.standing[0].At)
	}
	return at, more
}

func sameVerdict(a, b tables.BookingVerdict) bool {
	return a.Verdict == b.Verdict && samePlan(a.PlanID, b.PlanID) && slices.Equal(a.Reasons, b.Reasons)
}

func samePlan(a, b *events.ID) bool { return a == b || a != nil && b != nil && *a == *b }
