package tables

import (
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// BookingEntry is a booking in a list: of its member or of its provider.
// Bookings under one key are in the order in which their slots start, and
// those without a slot where they were asked for.
type BookingEntry struct {
	Under          string         `avro:"under" json:"under" class:"PHI"` // memberId or providerId
	BookingID      events.ID      `avro:"bookingId" json:"bookingId" class:"PHI"`
	MemberID       events.ID      `avro:"memberId" json:"memberId" class:"PHI"`
	AvailabilityID events.ID      `avro:"availabilityId" json:"availabilityId" class:"PHI"`
	ServiceCode    *string        `avro:"serviceCode" json:"serviceCode,omitempty" class:"PHI"`
	Status         string         `avro:"status" json:"status" class:"PHI"`
	Code           string         `avro:"code" json:"code" class:"PHI"`
	RequestedAt    events.Instant `avro:"requestedAt" json:"requestedAt" class:"PUBLIC"`
	Slot           *BookedSlot    `avro:"slot" json:"slot,omitempty"`
	Over           bool           `avro:"over" json:"over" class:"PUBLIC"` // no more in this list: never stored
}

func (e BookingEntry) EventType() string     { return "BOOKING_LISTED" }
func (e BookingEntry) Subject() string       { return e.Under }
func (e BookingEntry) OccurredAt() time.Time { return e.RequestedAt.Time() }

// Validate finds nothing: what is listed follows from a row.
func (e BookingEntry) Validate() error { return nil }

// Stamped says that the record's time stamp is the event time: an entry is told
// when its row changes.
func (e BookingEntry) Stamped() {}

// Because names nothing: a list has no facts of its own.
func (e BookingEntry) Because() topology.Because { return topology.Because{IDs: []string{}, Count: 1} }

// LatestEventAt is when what is listed was asked for.
func (e BookingEntry) LatestEventAt() time.Time { return e.OccurredAt() }

// Gone says that it is no more in this list.
func (e BookingEntry) Gone() bool { return e.Over }

// Suffix orders by the start of the slot.
func (e BookingEntry) Suffix() string {
	if e.Slot != nil {
		return startsInOrder(e.Slot.StartsAt, e.BookingID)
	}
	return startsInOrder(e.RequestedAt, e.BookingID)
}

// Removed takes the booking out of the list.
func (e BookingEntry) Removed() BookingEntry {
	e.Over = true
	return e
}

func (b Booking) entry(under events.ID) []BookingEntry {
	return []BookingEntry{{Under: string(under), BookingID: b.BookingID, MemberID: b.MemberID, AvailabilityID: b.AvailabilityID, ServiceCode: b.ServiceCode,
		Status: b.Status, Code: b.Code, RequestedAt: b.RequestedAt, Slot: b.Slot}}
}

// OfMember is the booking in the list of its member.
func (b Booking) OfMember() []BookingEntry { return b.entry(b.MemberID) }

// OfProvider is the booking in the list of its provider, once it has a slot.
func (b Booking) OfProvider() []BookingEntry {
	if b.Slot == nil {
		return nil
	}
	return b.entry(b.Slot.ProviderID)
}
