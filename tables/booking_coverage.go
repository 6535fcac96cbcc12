package tables

import (
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// BookingCoverage is whether insurance covers a booking, and why, keyed by
// bookingId. It holds the facts of the booking, and what was told last of its
// member's coverage and of its provider's standing; all else follows from
// them, so that the same facts in any order give the same row.
type BookingCoverage struct {
	BookingID  events.ID `avro:"bookingId" json:"bookingId" class:"PHI"`
	MemberID   events.ID `avro:"memberId" json:"memberId" class:"PHI"`     // of the earliest fact
	ProviderID events.ID `avro:"providerId" json:"providerId" class:"PHI"` // of the earliest fact

	Verdict      string         `avro:"verdict" json:"verdict" class:"PHI"`
	VerdictAt    events.Instant `avro:"verdictAt" json:"verdictAt" class:"PUBLIC"`              // event time from which it is so
	PlanID       *events.ID     `avro:"planId" json:"planId,omitempty" class:"PHI"`             // that covers it
	Reasons      []string       `avro:"reasons" json:"reasons" class:"PHI" from:"reasonCode"`   // why not, all of them, sorted
	CoverageType string         `avro:"coverageType" json:"coverageType" class:"PHI"`           // line of benefits that the service needs
	WantedPlanID *events.ID     `avro:"wantedPlanId" json:"wantedPlanId,omitempty" class:"PHI"` // that the member wants to use

	ServiceDate events.Date `avro:"serviceDate" json:"serviceDate" class:"PHI"`
	ServiceCode string      `avro:"serviceCode" json:"serviceCode" class:"PHI"`
	VisitType   string      `avro:"visitType" json:"visitType" class:"PHI"`

	Marks    []string         `avro:"marks" json:"marks" class:"PHI" from:"serviceDate,memberId,providerId"` // contradictions, sorted
	History  []BookingVerdict `avro:"history" json:"history"`                                                // by event time
	Bookings []BookingFact    `avro:"bookings" json:"bookings"`
	Coverage *ToldCoverage    `avro:"coverage" json:"coverage,omitempty"`
	Standing *ToldStanding    `avro:"standing" json:"standing,omitempty"`
}

// BookingVerdict is what was so from an event time on, as far as the facts up
// to then say.
type BookingVerdict struct {
	At      events.Instant `avro:"at" json:"at" class:"PUBLIC"`
	Verdict string         `avro:"verdict" json:"verdict" class:"PHI"`
	PlanID  *events.ID     `avro:"planId" json:"planId,omitempty" class:"PHI"`
	Reasons []string       `avro:"reasons" json:"reasons" class:"PHI"`
	By      []string       `avro:"by" json:"by" class:"PUBLIC"` // ids of the facts of that time
}

// BookingFact is one event of a booking's life.
type BookingFact struct {
	ID          string         `avro:"id" json:"id" class:"PUBLIC"` // event identity
	Type        events.Type    `avro:"type" json:"type" class:"PUBLIC" from:"eventType"`
	At          events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"changedAt"`
	MemberID    events.ID      `avro:"memberId" json:"memberId" class:"PHI"`
	ProviderID  events.ID      `avro:"providerId" json:"providerId" class:"PHI"`
	PlanID      *events.ID     `avro:"planId" json:"planId,omitempty" class:"PHI"`
	Specialty   string         `avro:"specialty" json:"specialty" class:"PHI"`
	Place       string         `avro:"place" json:"place" class:"PHI"`
	ServiceDate events.Date    `avro:"serviceDate" json:"serviceDate" class:"PHI"`
	StartsAt    events.Instant `avro:"startsAt" json:"startsAt" class:"PHI"`
	EndsAt      events.Instant `avro:"endsAt" json:"endsAt" class:"PHI"`
	TimeZone    string         `avro:"timeZone" json:"timeZone" class:"PHI"`
	VisitType   string         `avro:"visitType" json:"visitType" class:"PHI"`
	ServiceCode string         `avro:"serviceCode" json:"serviceCode" class:"PHI"`
	ReasonCode  *string        `avro:"reasonCode" json:"reasonCode,omitempty" class:"PHI"`
}

// Verdicts.
const (
	BookingIsCovered   = "COVERED"
	BookingNotCovered  = "NOT_COVERED"
	BookingUndecided   = "UNDECIDED" // nothing speaks against it, and not all is known
	BookingIsCancelled = "CANCELLED"
)

// MaxBookingFacts bounds what a row keeps of one booking's own events.
const MaxBookingFacts = 100

// Because returns the ids of all events that made the row: of the booking, of
// the member's coverage, of the provider's standing.
func (b BookingCoverage) Because() topology.Because {
	return topology.BecauseOf(b.FactIDs(), maxBecause)
}

// FactIDs are the ids of all facts that the row knows.
func (b BookingCoverage) FactIDs() (ids []string) {
	for _, f := range b.Bookings {
		ids = append(ids, f.ID)
	}
	if b.Coverage != nil {
		for _, f := range b.Coverage.Facts {
			ids = append(ids, f.ID)
		}
	}
	if b.Standing != nil {
		for _, f := range b.Standing.Facts {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// LatestEventAt is the event time of the latest fact.
func (b BookingCoverage) LatestEventAt() time.Time {
	var latest time.Time
	later := func(at events.Instant) {
		if t := at.Time(); t.After(latest) {
			latest = t
		}
	}
	if n := len(b.Bookings); n > 0 {
		later(b.Bookings[n-1].At)
	}
	if b.Coverage != nil && len(b.Coverage.Facts) > 0 {
		later(b.Coverage.Facts[len(b.Coverage.Facts)-1].At)
	}
	if b.Standing != nil && len(b.Standing.Facts) > 0 {
		later(b.Standing.Facts[len(b.Standing.Facts)-1].At)
	}
	return latest
}

// Covered says whether insurance covers the booking.
func (b BookingCoverage) Covered() bool { return b.Verdict == BookingIsCovered }

// VerdictAsOf is what was so at an event time, with false before the booking.
func (b BookingCoverage) VerdictAsOf(at time.Time) (v BookingVerdict, known bool) {
	for _, h := range b.History {
		if !h.At.Time().After(at) {
			v, known = h, true
		}
	}
	return v, known
}
