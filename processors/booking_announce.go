// This file answers: who has to be told that a booking is covered, or that it
// is no more.

package processors

import (
	"encoding/json"
	"reflect"
	"slices"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// ReasonNotOnsite says that a covered booking is not held at the place any more.
const ReasonNotOnsite = "NOT_ON_SITE"

// announce tells what changed of the verdict in force between two rows. What is
// the same is not told again, and each event's id follows from what it says and
// from the facts behind it.
func announce(before, after tables.BookingCoverage) (out []topology.Output) {
	if e, ok := coveredChange(before, after); ok {
		out = append(out, announcement(e.BookingID, e, after))
	}
	if e, ok := onsiteChange(before, after); ok {
		out = append(out, announcement(e.BookingID, e, after))
	}
	return out
}

func coveredChange(before, after tables.BookingCoverage) (events.CoveredBooking, bool) {
	e, changed, over := difference(coveredBooking(before), coveredBooking(after))
	if over {
		e.Type, e.ReasonCodes = events.TypeBookingCoverageWithdrawn, after.Reasons
	}
	e.DecidedAt = after.VerdictAt
	return e, changed
}

func onsiteChange(before, after tables.BookingCoverage) (events.OnsiteBooking, bool) {
	e, changed, over := difference(onsiteBooking(before), onsiteBooking(after))
	if over {
		e.Type, e.ReasonCodes = events.TypeOnsiteBookingWithdrawn, after.Reasons
		if after.Covered() {
			e.ReasonCodes = []string{ReasonNotOnsite}
		}
	}
	e.DecidedAt = after.VerdictAt
	return e, changed
}

// difference is what there is to say where something was said and something is
// to be, nil for nothing: what is now, or what was and is over.
func difference[E any](was, is *E) (e E, changed, over bool) {
	switch {
	case is != nil:
		return *is, was == nil || !reflect.DeepEqual(was, is), false
	case was != nil:
		return *was, true, true
	}
	return e, false, false
}

// coveredBooking is what a row's verdict says to others, without its time; nil
// where it is not covered.
func coveredBooking(row tables.BookingCoverage) *events.CoveredBooking {
	if !row.Covered() {
		return nil
	}
	b := inForce(row)
	return &events.CoveredBooking{Type: events.TypeBookingCovered, SchemaVersion: "1.0", BookingID: row.BookingID, MemberID: row.MemberID,
		ProviderID: row.ProviderID, PlanID: *row.PlanID, CoverageType: row.CoverageType, Specialty: b.Specialty, Place: b.Place,
		ServiceDate: b.ServiceDate, StartsAt: b.StartsAt, EndsAt: b.EndsAt, TimeZone: b.TimeZone, VisitType: b.VisitType,
		ServiceCode: b.ServiceCode, ReasonCodes: []string{}}
}

// onsiteBooking is the same for those who receive members at a place.
func onsiteBooking(row tables.BookingCoverage) *events.OnsiteBooking {
	if !row.Covered() || row.VisitType != events.VisitOnSite {
		return nil
	}
	b := inForce(row)
	return &events.OnsiteBooking{Type: events.TypeOnsiteBookingCovered, SchemaVersion: "1.0", BookingID: row.BookingID, MemberID: row.MemberID,
		ProviderID: row.ProviderID, Specialty: b.Specialty, Place: b.Place, ServiceDate: b.ServiceDate, StartsAt: b.StartsAt, EndsAt: b.EndsAt,
		TimeZone: b.TimeZone, ServiceCode: b.ServiceCode, ReasonCodes: []string{}}
}

// inForce is the booking as it was confirmed last.
func inForce(row tables.BookingCoverage) tables.BookingFact {
	for _, f := range slices.Backward(row.Bookings) {
		if f.Type == events.TypeBookingConfirmed {
			return f
		}
	}
	return row.Bookings[0]
}

func announcement(key events.ID, e topology.Event, row tables.BookingCoverage) topology.Output {
	ids := row.FactIDs()
	slices.Sort(ids)
	digest, err := json.Marshal([]any{e, ids})
	if err != nil {
		panic(err) // plain values
	}
	id := topology.UUIDv5(e.EventType(), string(key), digest)
	return topology.Output{Key: string(key), Value: e, Headers: []topology.Header{{Key: topology.HeaderID, Value: []byte(id)}}}
}
