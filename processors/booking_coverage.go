// This file answers: is this booking covered, after one fact more of its own,
// of its member's coverage or of its provider's standing.

package processors

import (
	"reflect"
	"slices"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// FoldBooking records that a booking was confirmed or cancelled.
func FoldBooking(row tables.BookingCoverage, rec topology.Record[events.Booking]) (tables.BookingCoverage, []topology.Output) {
	e := rec.Body
	f := tables.BookingFact{ID: rec.ID(), Type: e.Type, At: events.InstantOf(rec.At), MemberID: e.MemberID, ProviderID: e.ProviderID, PlanID: e.PlanID,
		Specialty: e.Specialty, Place: e.Place, ServiceDate: e.ServiceDate, StartsAt: e.StartsAt, EndsAt: e.EndsAt, TimeZone: e.TimeZone,
		VisitType: e.VisitType, ServiceCode: e.ServiceCode, ReasonCode: e.ReasonCode}
	same := func(a, b tables.BookingFact) bool { return a.ID == b.ID && a.Type == b.Type }
	if slices.ContainsFunc(row.Bookings, func(g tables.BookingFact) bool { return same(f, g) }) {
		return row, nil
	}
	facts, _ := addNewest(row.Bookings, f, tables.MaxBookingFacts, compareBookingFacts, same)
	coverage, standing := row.Coverage, row.Standing
	if facts[0].MemberID != row.MemberID { // another member is asked about, and will answer
		coverage = nil
	}
	if facts[0].ProviderID != row.ProviderID {
		standing = nil
	}
	next := settleBooking(rec.Key, facts, coverage, standing)
	return next, announce(row, next)
}

// FoldCoverageAnswer takes what is told of the member's coverage.
func FoldCoverageAnswer(row tables.BookingCoverage, rec topology.Record[topology.Answered[tables.ToldCoverage]]) (tables.BookingCoverage, []topology.Output) {
	told := rec.Body.Value
	if len(row.Bookings) == 0 || rec.Body.Key != string(row.MemberID) {
		return row, notLinked
	}
	if told != nil && told.Over {
		told = nil
	}
	if reflect.DeepEqual(told, row.Coverage) {
		return row, nothingNew
	}
	next := settleBooking(rec.Key, row.Bookings, told, row.Standing)
	return next, announce(row, next)
}

// FoldStandingAnswer takes what is told of the provider's standing.
func FoldStandingAnswer(row tables.BookingCoverage, rec topology.Record[topology.Answered[tables.ToldStanding]]) (tables.BookingCoverage, []topology.Output) {
	told := rec.Body.Value
	if len(row.Bookings) == 0 || rec.Body.Key != string(row.ProviderID) {
		return row, notLinked
	}
	if told != nil && told.Over {
		told = nil
	}
	if reflect.DeepEqual(told, row.Standing) {
		return row, nothingNew
	}
	next := settleBooking(rec.Key, row.Bookings, row.Coverage, told)
	return next, announce(row, next)
}

// Answers of which the row takes no notice: of somebody who is not asked any
// more, and what it knows already.
var (
	notLinked  = []topology.Output{{Value: topology.Dropped{Code: "NOT_ASKED"}}}
	nothingNew = []topology.Output{{Value: topology.Dropped{Code: "NOTHING_NEW"}}}
)

// LinkMember links a booking with its member's coverage.
func LinkMember(key string, row tables.BookingCoverage) []topology.Link {
	return []topology.Link{{Key: string(row.MemberID), Left: key}}
}

// LinkProvider links a booking with its provider's standing.
func LinkProvider(key string, row tables.BookingCoverage) []topology.Link {
	return []topology.Link{{Key: string(row.ProviderID), Left: key}}
}

// ListByMember is the booking in the list of its member.
func ListByMember(_ string, row tables.BookingCoverage) []tables.CoverageByMember {
	return []tables.CoverageByMember{{CoverageEntry: row.Entry()}}
}

// ListByProvider is the booking in the list of its provider.
func ListByProvider(_ string, row tables.BookingCoverage) []tables.CoverageByProvider {
	return []tables.CoverageByProvider{{CoverageEntry: row.Entry()}}
}
