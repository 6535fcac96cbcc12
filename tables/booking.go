package tables

import (
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// Booking is what became of a member's wish for a slot, by bookingId. The order
// of the log decides: a request, a reply and a cancellation are steps.
type Booking struct {
	BookingID      events.ID      `avro:"bookingId" json:"bookingId" class:"PHI"`
	MemberID       events.ID      `avro:"memberId" json:"memberId" class:"PHI"`
	AvailabilityID events.ID      `avro:"availabilityId" json:"availabilityId" class:"PHI"`
	PlanID         *events.ID     `avro:"planId" json:"planId,omitempty" class:"PUBLIC"`
	ServiceCode    *string        `avro:"serviceCode" json:"serviceCode,omitempty" class:"PHI"`
	Status         string         `avro:"status" json:"status" class:"PHI" from:"reasonCode"`
	Code           string         `avro:"code" json:"code" class:"PHI" from:"reasonCode"` // why it is not CONFIRMED
	Reason         *events.Text   `avro:"reason" json:"reason,omitempty" class:"PHI" from:"reasonText"`
	RequestedAt    events.Instant `avro:"requestedAt" json:"requestedAt" class:"PUBLIC"`
	DueAt          events.Instant `avro:"dueAt" json:"dueAt" class:"PUBLIC" from:"requestedAt"` // a reply counts until then
	ConfirmedAt    events.Instant `avro:"confirmedAt" json:"confirmedAt" class:"PUBLIC" from:"repliedAt"`
	ClosedAt       events.Instant `avro:"closedAt" json:"closedAt" class:"PUBLIC" from:"repliedAt,requestedAt"`
	Released       bool           `avro:"released" json:"released" class:"PUBLIC"` // the schedule was told to take the slot back
	Slot           *BookedSlot    `avro:"slot" json:"slot,omitempty"`              // since it was confirmed
	Steps          []BookingStep  `avro:"steps" json:"steps"`                      // as they were folded
}

// BookedSlot is the slot of a booking, as it was when it was confirmed.
type BookedSlot struct {
	ProviderID   events.ID      `avro:"providerId" json:"providerId" class:"PHI"`
	ProviderName events.Text    `avro:"providerName" json:"providerName" class:"PHI,PII"`
	Specialty    string         `avro:"specialty" json:"specialty" class:"PHI"`
	Place        string         `avro:"place" json:"place" class:"PHI"`
	Day          events.Date    `avro:"day" json:"day" class:"PHI"`
	StartsAt     events.Instant `avro:"startsAt" json:"startsAt" class:"PHI"`
	EndsAt       events.Instant `avro:"endsAt" json:"endsAt" class:"PHI"`
	TimeZone     string         `avro:"timeZone" json:"timeZone" class:"PHI"`
	VisitType    string         `avro:"visitType" json:"visitType" class:"PHI"`
}

// BookingStep is one event of a booking.
type BookingStep struct {
	ID   string         `avro:"id" json:"id" class:"PUBLIC"`
	Type events.Type    `avro:"type" json:"type" class:"PUBLIC" from:"eventType"`
	At   events.Instant `avro:"at" json:"at" class:"PUBLIC" from:"requestedAt,repliedAt"`
	Note string         `avro:"note" json:"note" class:"PUBLIC"` // LATE where it came after the end
}

// States of a booking. All but the first two are for good.
const (
	BookingRequested = "REQUESTED"
	BookingConfirmed = "CONFIRMED"
	BookingRejected  = "REJECTED"
	BookingTimedOut  = "TIMED_OUT"
	BookingCancelled = "CANCELLED"
)

// MaxBookingSteps bounds a row; what comes after is parked.
const MaxBookingSteps = 100

// Known says whether anybody made the booking.
func (b Booking) Known() bool { return b.BookingID != "" }

// Closed says whether the booking is over for good.
func (b Booking) Closed() bool { return b.Status != BookingRequested && b.Status != BookingConfirmed }

// Due is when a booking without a reply times out.
func (b Booking) Due() time.Time {
	if b.Status != BookingRequested {
		return time.Time{}
	}
	return b.DueAt.Time()
}

// Has says whether an event is among the steps.
func (b Booking) Has(id string) bool {
	return slices.ContainsFunc(b.Steps, func(s BookingStep) bool { return s.ID == id })
}

// With is the row with one more step.
func (b Booking) With(s BookingStep) Booking {
	b.Steps = append(b.Steps[:len(b.Steps):len(b.Steps)], s)
	return b
}

// Because names the events of the booking.
func (b Booking) Because() topology.Because {
	ids := make([]string, len(b.Steps))
	for i, s := range b.Steps {
		ids[i] = s.ID
	}
	return topology.BecauseOf(ids, maxBecause)
}

// LatestEventAt is the time of the latest step.
func (b Booking) LatestEventAt() time.Time {
	last := max(b.RequestedAt, b.ClosedAt)
	for _, s := range b.Steps {
		last = max(last, s.At)
	}
	return last.Time()
}
