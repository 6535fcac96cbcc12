package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const bookingCoverage = "booking-coverage.v1-careplan-consumer"

// BookingMember tells bookings what is known of their members' coverage.
var BookingMember = joined("booking-member.v1-careplan-consumer", "bookings with the coverage of their members", coverageTold, normal)

// BookingProvider tells bookings what is known of their providers' standing.
var BookingProvider = joined("booking-provider.v1-careplan-consumer", "bookings with the standing of their providers", standingTold, normal)

// BookingCoverage folds bookings, and what is told of their members and
// providers, into one row by bookingId: covered or not, and why. Both sides of
// the joins are live.
var BookingCoverage = topology.Group[tables.BookingCoverage]{
	Name: bookingCoverage,
	Doc:  "whether insurance covers a booking, and why",
	Rows: codecs.NewAvro[tables.BookingCoverage](bookingCoverage+"-table", rowBytes),
	Inputs: topology.Inputs[tables.BookingCoverage]{
		topology.Fold(Bookings, processors.FoldBooking),
		topology.Fold(BookingMember.Answers(), processors.FoldCoverageAnswer),
		topology.Fold(BookingProvider.Answers(), processors.FoldStandingAnswer),
	},
	Outputs: []topology.StreamRef{CoveredBookings.Ref(), OnsiteBookings.Ref()},
	Follows: []topology.Follow[tables.BookingCoverage]{
		topology.Follows(BookingMember.Links(), processors.LinkMember),
		topology.Follows(BookingProvider.Links(), processors.LinkProvider),
		topology.Follows(CoverageByMember.Stream(), processors.ListByMember),
		topology.Follows(CoverageByProvider.Stream(), processors.ListByProvider),
	},
	View: topology.View{Name: "booking-coverage", Key: "bookingId", Doc: "Whether insurance covers one booking, why, and since when.",
		Classes: []string{tables.ClassPHI}},
}

// CoverageByMember lists the bookings of a member, the latest day first.
var CoverageByMember = listed[tables.CoverageByMember]("booking-coverage-by-member.v1-careplan-consumer", "bookings of a member", normal,
	topology.View{Key: "memberId", Doc: "Bookings of one member, and whether insurance covers them.", Classes: []string{tables.ClassPHI}})

// CoverageByProvider lists the bookings of a provider, the latest day first.
var CoverageByProvider = listed[tables.CoverageByProvider]("booking-coverage-by-provider.v1-careplan-consumer", "bookings with a provider", normal,
	topology.View{Key: "providerId", Doc: "Bookings with one provider, and whether insurance covers them.", Classes: []string{tables.ClassPHI}})
