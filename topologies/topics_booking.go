package topologies

import "payerflow/events"

// Topics of the managed care plan: what providers offer and patients book.
var (
	providerProfile = topic("provider.profile.updated", normal, aWeek, "providerId", scheduleService, to(carePlanService), "PROVIDER_PROFILE_UPDATED")
	availability    = topic("provider.availability", normal, aWeek, "availabilityId", scheduleService, to(carePlanService),
		"AVAILABILITY_OFFERED", "AVAILABILITY_WITHDRAWN", "AVAILABILITY_BOOKED", "AVAILABILITY_RELEASED")
	slotRequests = topic("provider.availability.booking.requests", normal, aWeek, "availabilityId", carePlanService, to(scheduleService),
		"SLOT_BOOKING_REQUESTED", "SLOT_CANCELLATION_REQUESTED")
	slotReplies = topic("provider.availability.booking.replies", normal, aWeek, "bookingId", scheduleService, to(carePlanService),
		"SLOT_BOOKING_CONFIRMED", "SLOT_BOOKING_REJECTED", "SLOT_BOOKING_REVOKED", "SLOT_CANCELLATION_CONFIRMED", "SLOT_CANCELLATION_REJECTED")
	patientProfile   = topic("careplan.patient.updated", normal, aWeek, "memberId", carePlanService, nil, "PATIENT_PROFILE_UPDATED")
	bookingRequested = topic("careplan.booking.requested", normal, aWeek, "bookingId", carePlanService, to(carePlanService), "BOOKING_REQUESTED", "BOOKING_CANCELLATION_REQUESTED")
	bookings         = topic("careplan.bookings", normal, aWeek, "bookingId", carePlanService, to(insuranceProcessor), "BOOKING_CONFIRMED", "BOOKING_CANCELLED")
	bookingsCovered  = topic("careplan.bookings.covered", normal, aWeek, "bookingId", insuranceProcessor, to(carePlanService), "BOOKING_COVERED", "BOOKING_COVERAGE_WITHDRAWN")
	bookingsOnsite   = topic("careplan.bookings.onsite", normal, aWeek, "bookingId", insuranceProcessor, to(onsiteService), "ONSITE_BOOKING_COVERED", "ONSITE_BOOKING_WITHDRAWN")
)

// Streams of the managed care plan.
var (
	ProviderProfile = stream[events.ProviderProfile](providerProfile)
	Availability    = stream[events.Availability](availability)
	SlotRequests    = stream[events.SlotRequest](slotRequests)
	SlotReplies     = stream[events.SlotReply](slotReplies)
	PatientProfile  = stream[events.PatientProfile](patientProfile)
	BookingRequests = stream[events.BookingRequest](bookingRequested)
	Bookings        = stream[events.Booking](bookings)
	CoveredBookings = stream[events.CoveredBooking](bookingsCovered)
	OnsiteBookings  = stream[events.OnsiteBooking](bookingsOnsite)
)
