package codecs_test

import (
	"encoding/json"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/tables"
)

// wireBooking are the golden values of what providers offer and members book:
// the samples of their event types, and rows that follow from them.
func wireBooking() []wireCase {
	return []wireCase{
		{"provider.availability", 1, "", sampled[events.Availability]("AVAILABILITY_OFFERED"), typed[events.Availability]{}},
		{"provider.availability.booking.requests", 1, "", sampled[events.SlotRequest]("SLOT_BOOKING_REQUESTED"), typed[events.SlotRequest]{}},
		{"provider.availability.booking.replies", 1, "-confirmed", sampled[events.SlotReply]("SLOT_BOOKING_CONFIRMED"), typed[events.SlotReply]{}},
		{"provider.availability.booking.replies", 1, "-rejected", sampled[events.SlotReply]("SLOT_BOOKING_REJECTED"), typed[events.SlotReply]{}},
		{"careplan.booking.requested", 1, "", sampled[events.BookingRequest]("BOOKING_REQUESTED"), typed[events.BookingRequest]{}},
		{"careplan.booking.requested", 1, "-cancellation", sampled[events.BookingRequest]("BOOKING_CANCELLATION_REQUESTED"), typed[events.BookingRequest]{}},
		{"careplan.bookings", 1, "-confirmed", sampled[events.Booking]("BOOKING_CONFIRMED"), typed[events.Booking]{}},
		{"careplan.bookings", 1, "-cancelled", sampled[events.Booking]("BOOKING_CANCELLED"), typed[events.Booking]{}},
		{"provider.profile.updated", 1, "", sampled[events.ProviderProfile]("PROVIDER_PROFILE_UPDATED"), typed[events.ProviderProfile]{}},
		{"careplan.patient.updated", 1, "", sampled[events.PatientProfile]("PATIENT_PROFILE_UPDATED"), typed[events.PatientProfile]{}},
		{"provider-schedule.v1-careplan-consumer-table", 1, "", wireSlot(), typed[tables.Slot]{}},
		{"bookings.v1-careplan-consumer-table", 1, "", wireBooked(), typed[tables.Booking]{}},
		{"availability-search.v1-careplan-consumer-table", 1, "", tables.SlotEntry{Under: "cardiology|*|2026-03-02", AvailabilityID: "s", State: events.SlotOpen, ChangedAt: 5, Terms: *wireSlot().Terms, Over: true}, typed[tables.SlotEntry]{}},
		{"bookings-by-member.v1-careplan-consumer-table", 1, "", wireBookingEntry(), typed[tables.BookingEntry]{}},
		{"provider-profiles.v1-careplan-consumer-table", 1, "", wireProvider(), typed[tables.ProviderProfile]{}},
		{"patient-profiles.v1-careplan-consumer-table", 1, "", wirePatient(), typed[tables.PatientProfile]{}},
	}
}

func sampled[E any](eventType string) (e E) {
	text, err := codecs.Sample(eventType)
	if err == nil {
		err = json.Unmarshal([]byte(text), &e)
	}
	if err != nil {
		panic(err)
	}
	return e
}

func wireSlot() tables.Slot {
	return tables.Slot{AvailabilityID: "s", State: events.SlotBooked, Passed: true, ChangedAt: 5, ForgetAt: 6,
		Terms: &tables.SlotTerms{ProviderID: "p", ProviderName: "Jane Sample MD", Specialty: "Cardiology", Place: "Springfield", Day: 20514, StartsAt: 7, EndsAt: 8,
			TimeZone: "America/Chicago", VisitType: events.VisitRemote, ServiceCodes: []string{"99213", "99214"}},
		Holder:  &tables.SlotHolder{BookingID: "b", MemberID: "m", Requester: "careplan", ServiceCode: "99213", At: 9},
		Facts:   []tables.SlotFact{{ID: "e1", Type: events.TypeAvailabilityOffered, At: 4}},
		Answers: []tables.SlotAnswer{{ID: "e2", BookingID: "c", MemberID: "n", Requester: "partner", Type: events.TypeSlotBookingRejected, Code: "SLOT_TAKEN", ServiceCode: "99214", At: 10}}}
}

func wireBooked() tables.Booking {
	plan, service, reason := events.ID("pl"), "99213", events.Text("Feeling better")
	return tables.Booking{BookingID: "b", MemberID: "m", AvailabilityID: "s", PlanID: &plan, ServiceCode: &service, Status: tables.BookingCancelled, Code: "CANCELLED_BY_MEMBER", Reason: &reason,
		RequestedAt: 1, DueAt: 2, ConfirmedAt: 3, ClosedAt: 4, Released: true,
		Slot: &tables.BookedSlot{ProviderID: "p", ProviderName: "Jane Sample MD", Specialty: "Cardiology", Place: "Springfield", Day: 20514, StartsAt: 7, EndsAt: 8,
			TimeZone: "America/Chicago", VisitType: events.VisitOnSite},
		Steps: []tables.BookingStep{{ID: "e1", Type: events.TypeBookingRequested, At: 1, Note: "LATE"}}}
}

func wireBookingEntry() tables.BookingEntry {
	b := wireBooked()
	return tables.BookingEntry{Under: "m", BookingID: b.BookingID, MemberID: b.MemberID, AvailabilityID: b.AvailabilityID, ServiceCode: b.ServiceCode, Status: b.Status, Code: b.Code,
		RequestedAt: b.RequestedAt, Slot: b.Slot, Over: true}
}

func wireProvider() tables.ProviderProfile {
	npi, phone, email := "1234567893", events.Text("+1 555 0100"), events.Text("office@example.org")
	return tables.ProviderProfile{ProviderID: "p", ProviderName: "Jane Sample MD", Specialty: "Cardiology", Place: "Springfield", TimeZone: "America/Chicago", UpdatedAt: 5,
		NPI: &npi, Phone: &phone, Email: &email, Facts: []tables.ProfileFact{{ID: "e1", At: 5}}}
}

func wirePatient() tables.PatientProfile {
	born, plan, phone, email := events.Date(3711), events.ID("pl"), events.Text("+1 555 0101"), events.Text("sam@example.org")
	return tables.PatientProfile{MemberID: "m", GivenName: "Sam", FamilyName: "Sample", TimeZone: "America/Chicago", UpdatedAt: 5, BirthDate: &born, PlanID: &plan,
		Phone: &phone, Email: &email, Facts: []tables.ProfileFact{{ID: "e1", At: 5}}}
}
