package verify

import (
	"context"
	"time"

	"payerflow/events"
	"payerflow/tables"
)

// BookingTopics names what booking-coverage folds, and who folds it.
type BookingTopics struct{ Bookings, CoverageAnswers, StandingAnswers Follower }

// BookingCoverage checks booking-coverage.
func (l *Log) BookingCoverage(ctx context.Context, v View, t BookingTopics, http *Answers, wait time.Duration) (*Check, error) {
	return rowsOf(ctx, l, v, http, wait, l.bookingSources(t), bookingRow)
}

// CoverageByMember checks the lists of members' bookings.
func (l *Log) CoverageByMember(ctx context.Context, v View, t BookingTopics, http *Answers, wait time.Duration) (*Check, error) {
	return listOf(ctx, l, v, http, wait, "bookingId", l.bookingSources(t), bookingRow, func(b tables.BookingCoverage) entry[tables.CoverageByMember] {
		return entry[tables.CoverageByMember]{string(b.MemberID), string(b.BookingID), &b.ServiceDate, tables.CoverageByMember{CoverageEntry: coverageEntry(b)}}
	})
}

// CoverageByProvider is the same by provider.
func (l *Log) CoverageByProvider(ctx context.Context, v View, t BookingTopics, http *Answers, wait time.Duration) (*Check, error) {
	return listOf(ctx, l, v, http, wait, "bookingId", l.bookingSources(t), bookingRow, func(b tables.BookingCoverage) entry[tables.CoverageByProvider] {
		return entry[tables.CoverageByProvider]{string(b.ProviderID), string(b.BookingID), &b.ServiceDate, tables.CoverageByProvider{CoverageEntry: coverageEntry(b)}}
	})
}

func bookingRow(key string, b *booking) (tables.BookingCoverage, bool) {
	return BookingRow(key, b.facts, b.coverage, b.standings)
}

func coverageEntry(b tables.BookingCoverage) tables.CoverageEntry {
	return tables.CoverageEntry{BookingID: b.BookingID, MemberID: b.MemberID, ProviderID: b.ProviderID, ServiceDate: b.ServiceDate,
		Verdict: b.Verdict, VerdictAt: b.VerdictAt, PlanID: b.PlanID, Reasons: b.Reasons}
}

func (l *Log) bookingSources(t BookingTopics) func(taking[booking]) ([]source, error) {
	return func(to taking[booking]) ([]source, error) {
		var all gathered
		all.add(factsOf(l, t.Bookings, eventBytes, to, func(b *booking, id string, e events.Booking) {
			b.facts = append(b.facts, tables.BookingFact{ID: id, Type: e.Type, At: e.ChangedAt, MemberID: e.MemberID, ProviderID: e.ProviderID, PlanID: e.PlanID,
				Specialty: e.Specialty, Place: e.Place, ServiceDate: e.ServiceDate, StartsAt: e.StartsAt, EndsAt: e.EndsAt, TimeZone: e.TimeZone,
				VisitType: e.VisitType, ServiceCode: e.ServiceCode, ReasonCode: e.ReasonCode})
		}))
		all.add(answersOf(l, t.CoverageAnswers, to, func(b *booking, member string, c *tables.ToldCoverage) { b.coverage = with(b.coverage, member, c) }))
		all.add(answersOf(l, t.StandingAnswers, to, func(b *booking, provider string, s *tables.ToldStanding) {
			b.standings = with(b.standings, provider, s)
		}))
		return all.sources, all.err
	}
}
