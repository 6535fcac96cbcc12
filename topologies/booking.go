package topologies

import (
	"time"

	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// replyWithin is how long a booking waits for the schedule.
const replyWithin = 2 * time.Minute

// bookingRules are the rules of bookings.
var bookingRules = processors.Bookings{ReplyWithin: replyWithin}

// ProviderSchedule folds what providers offer and what bookings want into one
// row by slot: a slot has one booking at most.
var ProviderSchedule = topology.Group[tables.Slot]{
	Name: "provider-schedule.v1-careplan-consumer",
	Doc:  "which times providers offer, and which booking has each",
	Rows: codecs.NewAvro[tables.Slot]("provider-schedule.v1-careplan-consumer-table", rowBytes),
	Inputs: topology.Inputs[tables.Slot]{
		topology.Fold(Availability, processors.FoldAvailability),
		topology.Fold(SlotRequests, processors.FoldSlotRequest),
	},
	Outputs: []topology.StreamRef{SlotReplies.Ref(), Availability.Ref()},
	Follows: []topology.Follow[tables.Slot]{
		topology.Follows(AvailabilitySearch.Stream(), func(_ string, row tables.Slot) []tables.SlotEntry { return row.Entries() }),
		topology.Follows(SlotsByProvider.Stream(), func(_ string, row tables.Slot) []tables.SlotEntry { return row.OfProvider() }),
	},
	Timer: topology.Timer[tables.Slot]{Due: tables.Slot.Due, Wake: processors.PassSlot},
	View: topology.View{Name: "provider-schedule", Key: "availabilityId", Doc: "One bookable time of a provider, its state and the booking that has it.",
		Classes: []string{tables.ClassPHI, tables.ClassPII}},
}

// MemberBookings folds what members want and what the schedule answers into one
// row by booking.
var MemberBookings = topology.Group[tables.Booking]{
	Name: "bookings.v1-careplan-consumer",
	Doc:  "whether a member has the time that it wants",
	Rows: codecs.NewAvro[tables.Booking]("bookings.v1-careplan-consumer-table", rowBytes),
	Inputs: topology.Inputs[tables.Booking]{
		topology.Fold(BookingRequests, bookingRules.FoldRequest),
		topology.Fold(SlotReplies, bookingRules.FoldReply),
	},
	Outputs: []topology.StreamRef{SlotRequests.Ref(), Bookings.Ref()},
	Follows: []topology.Follow[tables.Booking]{
		topology.Follows(BookingsByMember.Stream(), func(_ string, row tables.Booking) []tables.BookingEntry { return row.OfMember() }),
		topology.Follows(BookingsByProvider.Stream(), func(_ string, row tables.Booking) []tables.BookingEntry { return row.OfProvider() }),
	},
	Timer: topology.Timer[tables.Booking]{Due: tables.Booking.Due, Wake: bookingRules.TimeOut},
	View: topology.View{Name: "bookings", Key: "bookingId", Doc: "Status, slot and steps of one booking.",
		Classes: []string{tables.ClassPHI, tables.ClassPII}},
}

// AvailabilitySearch finds open slots by specialty, place and day.
var AvailabilitySearch = slotList("availability-search", "search", "Times that can be booked, by specialty, place and day, in the order in which they start: GET /v1/availability asks it.")

// SlotsByProvider lists a provider's slots, in any state.
var SlotsByProvider = slotList("slots-by-provider", "providerId", "Times of one provider, in the order in which they start.")

// BookingsByMember lists a member's bookings.
var BookingsByMember = bookingList("bookings-by-member", "memberId", "Bookings of one member, in the order in which they start.")

// BookingsByProvider lists the bookings of a provider's slots.
var BookingsByProvider = bookingList("bookings-by-provider", "providerId", "Bookings with one provider, in the order in which they start.")

func slotList(view, key, doc string) topology.Index[tables.SlotEntry] {
	return listed[tables.SlotEntry](view+".v1-careplan-consumer", "times of providers by "+key, normal,
		topology.View{Key: key, KeyClass: tables.ClassPublic, Doc: doc, Classes: []string{tables.ClassPII}})
}

func bookingList(view, key, doc string) topology.Index[tables.BookingEntry] {
	return listed[tables.BookingEntry](view+".v1-careplan-consumer", "bookings by "+key, normal,
		topology.View{Key: key, KeyClass: tables.ClassPHI, Doc: doc, Classes: []string{tables.ClassPHI, tables.ClassPII}})
}
