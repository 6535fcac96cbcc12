// This file answers: does a member have the time that it wants, and who must
// be told?

package processors

import (
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// Codes of bookings.
const (
	CancelledByMember = "CANCELLED_BY_MEMBER"
	NoReply           = "NO_REPLY"         // the schedule did not answer in time
	BookingUnknown    = "BOOKING_UNKNOWN"  // parked: nobody made this booking
	BookingIDTaken    = "BOOKING_ID_TAKEN" // parked: another booking has this id
	ReplyUnexpected   = "REPLY_UNEXPECTED" // parked: nobody asked for this
	VisitOver         = "VISIT_OVER"       // parked: what has taken place is not cancelled
	TooManyFacts      = "TOO_MANY_FACTS"   // parked
	AlreadyClosed     = "ALREADY_CLOSED"   // dropped: there is nothing to cancel any more
	OtherRequester    = "OTHER_REQUESTER"  // dropped: another system asked
	CarePlanRequester = "careplan"
)

// Bookings are the rules of bookings.
type Bookings struct {
	ReplyWithin time.Duration // of the request's time
}

// FoldRequest takes what a member wants: it asks the schedule for the slot, or
// gives it back.
func (p Bookings) FoldRequest(row tables.Booking, rec topology.Record[events.BookingRequest]) (tables.Booking, []topology.Output) {
	e, step := rec.Body, tables.BookingStep{ID: rec.ID(), Type: rec.Body.Type, At: events.InstantOf(rec.At)}
	if row.Has(step.ID) {
		return row, []topology.Output{{Value: topology.Dropped{Code: Duplicate}}}
	}
	if e.Type == events.TypeBookingRequested {
		return p.request(row, e, step)
	}
	switch {
	case !row.Known():
		return row, rejected(BookingUnknown, "/bookingId", "nobody has made this booking")
	case row.MemberID != e.MemberID:
		return row, rejected(BookingOfAnother, "/memberId", "the booking is another member's")
	case row.Closed():
		return row, []topology.Output{{Value: topology.Dropped{Code: AlreadyClosed}}}
	case row.Slot != nil && step.At >= row.Slot.EndsAt:
		return row, rejected(VisitOver, "/requestedAt", "the visit is over")
	}
	confirmed := row.Status == tables.BookingConfirmed
	row = row.With(step)
	row, out := giveBack(row, step)
	row = closed(row, tables.BookingCancelled, CancelledByMember, e.ReasonText, step.At)
	if confirmed {
		out = append(out, bookingChanged(row, events.TypeBookingCancelled, step.ID))
	}
	return row, out
}

func (p Bookings) request(row tables.Booking, e events.BookingRequest, step tables.BookingStep) (tables.Booking, []topology.Output) {
	if row.Known() {
		if row.MemberID == e.MemberID && row.AvailabilityID == *e.AvailabilityID {
			return row, []topology.Output{{Value: topology.Dropped{Code: Duplicate}}}
		}
		return row, rejected(BookingIDTaken, "/bookingId", "another booking has this id: choose a new one")
	}
	row = tables.Booking{BookingID: e.BookingID, MemberID: e.MemberID, AvailabilityID: *e.AvailabilityID, PlanID: e.PlanID, ServiceCode: e.ServiceCode,
		Status: tables.BookingRequested, RequestedAt: step.At, DueAt: events.InstantOf(step.At.Time().Add(p.ReplyWithin))}
	return row.With(step), []topology.Output{slotRequest(row, events.TypeSlotBookingRequested, step)}
}

// FoldReply takes what the schedule answers. A booking that is over when its
// slot is confirmed gives it back, so that no slot is lost.
func (p Bookings) FoldReply(row tables.Booking, rec topology.Record[events.SlotReply]) (tables.Booking, []topology.Output) {
	e, step := rec.Body, tables.BookingStep{ID: rec.ID(), Type: rec.Body.Type, At: events.InstantOf(rec.At)}
	cancellation := e.Type == events.TypeSlotCancellationConfirmed || e.Type == events.TypeSlotCancellationRejected
	switch {
	case e.Requester != CarePlanRequester:
		return row, []topology.Output{{Value: topology.Dropped{Code: OtherRequester}}}
	case row.Has(step.ID):
		return row, []topology.Output{{Value: topology.Dropped{Code: Duplicate}}}
	case !row.Known() || row.AvailabilityID != e.AvailabilityID || row.MemberID != e.MemberID || cancellation && !row.Released:
		return row, rejected(ReplyUnexpected, "/bookingId", "nobody has asked for this")
	case len(row.Steps) >= tables.MaxBookingSteps:
		return row, rejected(TooManyFacts, "", "the booking has 100 steps already")
	case cancellation:
		return row.With(step), nil
	}
	if e.Type == events.TypeSlotBookingConfirmed {
		return confirm(row, e, step)
	}
	confirmed := row.Status == tables.BookingConfirmed
	switch revoked := e.Type == events.TypeSlotBookingRevoked; {
	case revoked && confirmed:
		row = closed(row.With(step), tables.BookingCancelled, *e.ReasonCode, e.ReasonText, step.At)
		return row, []topology.Output{bookingChanged(row, events.TypeBookingCancelled, step.ID)}
	case !row.Closed() && !confirmed:
		return closed(row.With(step), tables.BookingRejected, *e.ReasonCode, e.ReasonText, step.At), nil
	}
	step.Note = AnswerLate
	return row.With(step), nil
}

func confirm(row tables.Booking, e events.SlotReply, step tables.BookingStep) (tables.Booking, []topology.Output) {
	switch {
	case row.Closed():
		step.Note = AnswerLate
		return giveBack(row.With(step), step)
	case row.Status == tables.BookingConfirmed:
		step.Note = AnswerLate
		return row.With(step), nil
	}
	row.Status, row.ConfirmedAt, row.ServiceCode = tables.BookingConfirmed, max(step.At, row.RequestedAt), e.ServiceCode
	row.Slot = &tables.BookedSlot{ProviderID: *e.ProviderID, ProviderName: *e.ProviderName, Specialty: *e.Specialty, Place: *e.Place, Day: *e.Day,
		StartsAt: *e.StartsAt, EndsAt: *e.EndsAt, TimeZone: *e.TimeZone, VisitType: *e.VisitType}
	row = row.With(step)
	return row, []topology.Output{bookingChanged(row, events.TypeBookingConfirmed, step.ID)}
}

// TimeOut ends a booking that the schedule has not answered.
func (p Bookings) TimeOut(row tables.Booking, _ topology.Waking) (tables.Booking, []topology.Output) {
	return closed(row, tables.BookingTimedOut, NoReply, nil, row.DueAt), nil
}

func closed(row tables.Booking, status, code string, reason *events.Text, at events.Instant) tables.Booking {
	row.Status, row.Code, row.Reason, row.ClosedAt = status, code, reason, max(at, row.RequestedAt, row.ConfirmedAt+1) // after its confirmation, whatever clocks say
	return row
}

// giveBack tells the schedule, once, that the booking does not want its slot.
func giveBack(row tables.Booking, step tables.BookingStep) (tables.Booking, []topology.Output) {
	if row.Released {
		return row, nil
	}
	row.Released = true
	return row, []topology.Output{slotRequest(row, events.TypeSlotCancellationRequested, step)}
}

func slotRequest(row tables.Booking, t events.Type, step tables.BookingStep) topology.Output {
	e := events.SlotRequest{Type: t, SchemaVersion: schemaVersion, AvailabilityID: row.AvailabilityID, BookingID: row.BookingID, MemberID: row.MemberID,
		Requester: CarePlanRequester, RequestedAt: step.At}
	if t == events.TypeSlotBookingRequested {
		e.ServiceCode = row.ServiceCode
	}
	out := caused(string(row.BookingID), string(t), step.ID, e)
	out.Key = string(row.AvailabilityID)
	return out
}

// bookingChanged tells everybody that a booking was confirmed or cancelled.
func bookingChanged(row tables.Booking, t events.Type, cause string) topology.Output {
	s := row.Slot
	e := events.Booking{Type: t, SchemaVersion: schemaVersion, BookingID: row.BookingID, AvailabilityID: row.AvailabilityID, MemberID: row.MemberID, ProviderID: s.ProviderID,
		Specialty: s.Specialty, Place: s.Place, ServiceDate: s.Day, StartsAt: s.StartsAt, EndsAt: s.EndsAt, TimeZone: s.TimeZone, VisitType: s.VisitType,
		ServiceCode: *row.ServiceCode, ChangedAt: row.ConfirmedAt, PlanID: row.PlanID}
	if t == events.TypeBookingCancelled {
		e.ChangedAt, e.ReasonCode, e.ReasonText = row.ClosedAt, &row.Code, row.Reason
	}
	return caused(string(row.BookingID), string(t), cause, e)
}
