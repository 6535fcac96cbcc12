package topologies

import (
	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const (
	bookingCoverage    = "booking-coverage.v1-careplan-consumer"
	bookingMember      = "booking-member.v1-careplan-consumer"
	bookingProvider    = "booking-provider.v1-careplan-consumer"
	coverageByMember   = "booking-coverage-by-member.v1-careplan-consumer"
	coverageByProvider = "booking-coverage-by-provider.v1-careplan-consumer"
)

// BookingMember tells bookings what is known of their members' coverage.
var BookingMember = topology.ForeignJoin[tables.ToldCoverage]{
	Name: bookingMember, Doc: "bookings with the coverage of their members",
	Right: coverageTold, Left: normal,
	Rows:      codecs.NewAvro[topology.Joint[tables.ToldCoverage]](bookingMember+"-table", rowBytes),
	LinkCodec: codecs.NewAvro[topology.Link](topology.LinksTopic(bookingMember), mebibyte),
	FanCodec:  codecs.NewAvro[topology.FanOut](topology.FanOutTopic(bookingMember), mebibyte),
	AnswersAs: codecs.NewAvro[topology.Answered[tables.ToldCoverage]](topology.AnswersTopic(bookingMember), mebibyte),
}

// BookingProvider tells bookings what is known of their providers' standing.
var BookingProvider = topology.ForeignJoin[tables.ToldStanding]{
	Name: bookingProvider, Doc: "bookings with the standing of their providers",
	Right: standingTold, Left: normal,
	Rows:      codecs.NewAvro[topology.Joint[tables.ToldStanding]](bookingProvider+"-table", rowBytes),
	LinkCodec: codecs.NewAvro[topology.Link](topology.LinksTopic(bookingProvider), mebibyte),
	FanCodec:  codecs.NewAvro[topology.FanOut](topology.FanOutTopic(bookingProvider), mebibyte),
	AnswersAs: codecs.NewAvro[topology.Answered[tables.ToldStanding]](topology.AnswersTopic(bookingProvider), mebibyte),
}

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
var CoverageByMember = topology.Index[tables.CoverageByMember]{
	Name: coverageByMember, Doc: "bookings of a member", Partitions: normal,
	Entries: codecs.NewAvro[tables.CoverageByMember](topology.EntriesTopic(coverageByMember), mebibyte),
	Rows:    codecs.NewAvro[tables.CoverageByMember](coverageByMember+"-table", rowBytes),
	View: topology.View{Name: "booking-coverage-by-member", Key: "memberId", Doc: "Bookings of one member, and whether insurance covers them.",
		Classes: []string{tables.ClassPHI}},
}

// CoverageByProvider lists the bookings of a provider, the latest day first.
var CoverageByProvider = topology.Index[tables.CoverageByProvider]{
	Name: coverageByProvider, Doc: "bookings with a provider", Partitions: normal,
	Entries: codecs.NewAvro[tables.CoverageByProvider](topology.EntriesTopic(coverageByProvider), mebibyte),
	Rows:    codecs.NewAvro[tables.CoverageByProvider](coverageByProvider+"-table", rowBytes),
	View: topology.View{Name: "booking-coverage-by-provider", Key: "providerId", Doc: "Bookings with one provider, and whether insurance covers them.",
		Classes: []string{tables.ClassPHI}},
}
