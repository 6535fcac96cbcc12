// This file answers: which booking gets a slot, and what are the others told?

package processors

import (
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// unknownKept is how long answers about a slot that nobody offered are kept:
// as long as the requests are.
const unknownKept = 7 * 24 * time.Hour

// FoldSlotRequest answers a request. The order of the log decides: the first
// booking gets the slot, until it gives it back itself. A request that comes
// again gets the answer that it got.
func FoldSlotRequest(row tables.Slot, rec topology.Record[events.SlotRequest]) (tables.Slot, []topology.Output) {
	e := rec.Body
	if a, ok := row.Answer(rec.ID()); ok {
		return row, []topology.Output{slotReply(row, a)}
	}
	if row.Terms == nil {
		row.AvailabilityID, row.State = e.AvailabilityID, tables.SlotNotOffered
		row.ForgetAt = max(row.ForgetAt, events.InstantOf(rec.At.Add(unknownKept)))
	}
	if row.Holder != nil && row.Holder.BookingID == e.BookingID && row.Holder.MemberID != e.MemberID {
		return row, rejected(BookingOfAnother, "/memberId", "another member has a booking under this id")
	}
	a := tables.SlotAnswer{ID: rec.ID(), BookingID: e.BookingID, MemberID: e.MemberID, Requester: e.Requester, At: events.InstantOf(rec.At)}
	if e.Type == events.TypeSlotCancellationRequested {
		return release(row, a)
	}
	return book(row, a, e.ServiceCode)
}

func book(row tables.Slot, a tables.SlotAnswer, service *string) (tables.Slot, []topology.Output) {
	mine := row.Holder != nil && row.Holder.BookingID == a.BookingID
	if a.Code = whyNot(row, a, service); a.Code != "" && !mine {
		a.Type = events.TypeSlotBookingRejected
		row = row.WithAnswer(a)
		return row, []topology.Output{slotReply(row, a)}
	}
	a.Type, a.Code = events.TypeSlotBookingConfirmed, ""
	if mine { // asked again, in other words
		a.ServiceCode = row.Holder.ServiceCode
		row = row.WithAnswer(a)
		return row, []topology.Output{slotReply(row, a)}
	}
	a.ServiceCode = row.Terms.ServiceCodes[0]
	if service != nil {
		a.ServiceCode = *service
	}
	row = row.WithAnswer(a).HeldBy(&tables.SlotHolder{BookingID: a.BookingID, MemberID: a.MemberID, Requester: a.Requester, ServiceCode: a.ServiceCode, At: a.At}, a.At)
	return row, []topology.Output{slotReply(row, a), slotState(row, events.TypeAvailabilityBooked, a.ID)}
}

// whyNot is why a booking does not get the slot, "" where it does.
func whyNot(row tables.Slot, a tables.SlotAnswer, service *string) string {
	gaveBack := func(b tables.SlotAnswer) bool {
		return b.BookingID == a.BookingID && b.Type == events.TypeSlotCancellationConfirmed
	}
	switch {
	case row.Terms == nil:
		return SlotUnknown
	case row.State == events.SlotWithdrawn:
		return SlotWithdrawn
	case slices.ContainsFunc(row.Answers, gaveBack):
		return BookingClosed
	case row.Passed || a.At >= row.Terms.StartsAt:
		return SlotInThePast
	case row.Holder != nil:
		return SlotTaken
	case service != nil && !slices.Contains(row.Terms.ServiceCodes, *service):
		return ServiceNotOffered
	}
	return ""
}

// release takes a slot back from the booking that has it.
func release(row tables.Slot, a tables.SlotAnswer) (tables.Slot, []topology.Output) {
	if row.Holder == nil || row.Holder.BookingID != a.BookingID {
		a.Type, a.Code = events.TypeSlotCancellationRejected, NotBooked
		row = row.WithAnswer(a)
		return row, []topology.Output{slotReply(row, a)}
	}
	a.Type = events.TypeSlotCancellationConfirmed
	row = row.WithAnswer(a).HeldBy(nil, a.At)
	return row, []topology.Output{slotReply(row, a), slotState(row, events.TypeAvailabilityReleased, a.ID)}
}
