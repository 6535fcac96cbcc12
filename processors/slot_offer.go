// This file answers: what does a provider offer, and what becomes of it when
// the provider takes it back?

package processors

import (
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// Codes of slots.
const (
	SlotTaken         = "SLOT_TAKEN"
	SlotUnknown       = "SLOT_UNKNOWN"
	SlotWithdrawn     = "SLOT_WITHDRAWN"
	SlotInThePast     = "SLOT_IN_THE_PAST"
	ServiceNotOffered = "SERVICE_NOT_OFFERED"
	NotBooked         = "NOT_BOOKED"
	BookingClosed     = "BOOKING_CLOSED"
	SlotIsBooked      = "SLOT_BOOKED"        // parked: terms of a booked slot do not change
	SlotOfAnother     = "SLOT_OF_ANOTHER"    // parked: another provider has this id
	BookingOfAnother  = "BOOKING_OF_ANOTHER" // parked: another member has this id
	OwnState          = "OWN_STATE"          // dropped: the schedule tells it, and does not ask itself
)

// reasons are what replies say beside their code.
var reasons = map[string]events.Text{
	SlotTaken:         "Another booking has this time.",
	SlotUnknown:       "Nobody has offered this time.",
	SlotWithdrawn:     "The provider has taken this time back.",
	SlotInThePast:     "This time has begun already.",
	ServiceNotOffered: "The provider does not offer this service at this time.",
	NotBooked:         "The booking does not have this time.",
	BookingClosed:     "The booking had this time and gave it back.",
}

// FoldAvailability takes what a provider says of a slot. The newest offer
// counts, a withdrawal is for good, and the booking that has the slot is told.
func FoldAvailability(row tables.Slot, rec topology.Record[events.Availability]) (tables.Slot, []topology.Output) {
	e, fact := rec.Body, tables.SlotFact{ID: rec.ID(), Type: rec.Body.Type, At: events.InstantOf(rec.At)}
	switch {
	case e.Type == events.TypeAvailabilityBooked || e.Type == events.TypeAvailabilityReleased:
		return row, []topology.Output{{Value: topology.Dropped{Code: OwnState}}}
	case row.HasFact(fact.ID):
		return row, []topology.Output{{Value: topology.Dropped{Code: Duplicate}}}
	case row.Terms != nil && row.Terms.ProviderID != e.ProviderID:
		return row, rejected(SlotOfAnother, "/providerId", "another provider has offered a time under this id")
	case row.Holder != nil && e.Type == events.TypeAvailabilityOffered && fact.Compare(row.Facts[len(row.Facts)-1]) > 0:
		return row, rejected(SlotIsBooked, "/availabilityId", "a booked time does not change: withdraw it and offer another")
	}
	row.AvailabilityID = e.AvailabilityID
	row = row.WithFact(fact, tables.SlotTerms{ProviderID: e.ProviderID, ProviderName: e.ProviderName, Specialty: e.Specialty, Place: e.Place,
		Day: e.Day, StartsAt: e.StartsAt, EndsAt: e.EndsAt, TimeZone: e.TimeZone, VisitType: e.VisitType, ServiceCodes: e.ServiceCodes})
	if row.Holder == nil || row.State != events.SlotWithdrawn {
		return row, nil
	}
	h := *row.Holder
	row = row.HeldBy(nil, fact.At)
	return row, []topology.Output{slotReply(row, tables.SlotAnswer{ID: fact.ID, BookingID: h.BookingID, MemberID: h.MemberID, Requester: h.Requester,
		Type: events.TypeSlotBookingRevoked, Code: SlotWithdrawn, At: fact.At})}
}

// PassSlot notes that a slot has begun, and later forgets it. A slot that was
// asked for and never offered is forgotten as well.
func PassSlot(row tables.Slot, _ topology.Waking) (tables.Slot, []topology.Output) {
	if row.Terms == nil || row.Passed {
		return tables.Slot{}, nil
	}
	row.Passed = true
	return row, nil
}

// slotState is what the schedule tells everybody of a slot.
func slotState(row tables.Slot, t events.Type, cause string) topology.Output {
	s := row.Terms
	e := events.Availability{Type: t, SchemaVersion: schemaVersion, AvailabilityID: row.AvailabilityID, ProviderID: s.ProviderID, ProviderName: s.ProviderName,
		Specialty: s.Specialty, Place: s.Place, Day: s.Day, StartsAt: s.StartsAt, EndsAt: s.EndsAt, TimeZone: s.TimeZone, VisitType: s.VisitType,
		ServiceCodes: s.ServiceCodes, State: row.State, ChangedAt: row.ChangedAt}
	return caused(string(row.AvailabilityID), string(t), cause, e)
}

// slotReply is an answer as it is told to who asked.
func slotReply(row tables.Slot, a tables.SlotAnswer) topology.Output {
	e := events.SlotReply{Type: a.Type, SchemaVersion: schemaVersion, BookingID: a.BookingID, AvailabilityID: row.AvailabilityID, MemberID: a.MemberID,
		Requester: a.Requester, RepliedAt: a.At}
	if a.Code != "" {
		reason := reasons[a.Code]
		e.ReasonCode, e.ReasonText = &a.Code, &reason
	}
	if a.Type == events.TypeSlotBookingConfirmed {
		s := *row.Terms
		e.ProviderID, e.ProviderName, e.Specialty, e.Place, e.Day = &s.ProviderID, &s.ProviderName, &s.Specialty, &s.Place, &s.Day
		e.StartsAt, e.EndsAt, e.TimeZone, e.VisitType, e.ServiceCode = &s.StartsAt, &s.EndsAt, &s.TimeZone, &s.VisitType, &a.ServiceCode
	}
	return caused(string(a.BookingID), string(a.Type), a.ID, e)
}

const schemaVersion = "1.0"

// caused is an event as an output. Its identity follows from what caused it, so
// that the same cause makes the same event.
func caused(key, what, cause string, e topology.Event) topology.Output {
	id := topology.UUIDv5(what, key, []byte(cause))
	return topology.Output{Key: key, Value: e, Headers: []topology.Header{{Key: topology.HeaderID, Value: []byte(id)}}}
}
