package tables

import (
	"math"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// CoverageEntry is what a list of bookings shows of one booking.
type CoverageEntry struct {
	BookingID   events.ID      `avro:"bookingId" json:"bookingId" class:"PHI"`
	MemberID    events.ID      `avro:"memberId" json:"memberId" class:"PHI"`
	ProviderID  events.ID      `avro:"providerId" json:"providerId" class:"PHI"`
	ServiceDate events.Date    `avro:"serviceDate" json:"serviceDate" class:"PHI"`
	Verdict     string         `avro:"verdict" json:"verdict" class:"PHI"`
	VerdictAt   events.Instant `avro:"verdictAt" json:"verdictAt" class:"PUBLIC"`
	PlanID      *events.ID     `avro:"planId" json:"planId,omitempty" class:"PHI"`
	Reasons     []string       `avro:"reasons" json:"reasons" class:"PHI" from:"reasonCode"`

	Over bool `avro:"over" json:"-"` // the entry is no more
}

// Entry is what a list shows of the booking.
func (b BookingCoverage) Entry() CoverageEntry {
	return CoverageEntry{BookingID: b.BookingID, MemberID: b.MemberID, ProviderID: b.ProviderID, ServiceDate: b.ServiceDate,
		Verdict: b.Verdict, VerdictAt: b.VerdictAt, PlanID: b.PlanID, Reasons: b.Reasons}
}

// EventType names what follows from a row.
func (e CoverageEntry) EventType() string { return "BOOKING_COVERAGE_LISTED" }

// OccurredAt is nowhere: the record's time stamp counts.
func (e CoverageEntry) OccurredAt() time.Time { return time.Time{} }

// Stamped says that the record's time stamp is the event time.
func (e CoverageEntry) Stamped() {}

// Validate finds nothing wrong.
func (e CoverageEntry) Validate() error { return nil }

// Because names nothing: the booking's own row does.
func (e CoverageEntry) Because() topology.Because { return topology.Because{IDs: []string{}, Count: 1} }

// LatestEventAt is the event time from which the verdict is so.
func (e CoverageEntry) LatestEventAt() time.Time { return e.VerdictAt.Time() }

// Gone says that the entry is no more.
func (e CoverageEntry) Gone() bool { return e.Over }

// Suffix puts the latest day of service first.
func (e CoverageEntry) Suffix() string {
	return topology.Ordered(uint32(math.MaxInt32-int64(e.ServiceDate)), string(e.BookingID))
}

// CoverageByMember is a booking in the list of its member.
type CoverageByMember struct{ CoverageEntry }

// Subject is the member.
func (e CoverageByMember) Subject() string { return string(e.MemberID) }

// Removed takes the booking off the list.
func (e CoverageByMember) Removed() CoverageByMember {
	e.Over = true
	return e
}

// CoverageByProvider is a booking in the list of its provider.
type CoverageByProvider struct{ CoverageEntry }

// Subject is the provider.
func (e CoverageByProvider) Subject() string { return string(e.ProviderID) }

// Removed takes the booking off the list.
func (e CoverageByProvider) Removed() CoverageByProvider {
	e.Over = true
	return e
}
