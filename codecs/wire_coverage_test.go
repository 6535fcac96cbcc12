package codecs_test

import (
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// wireCoverage are the values of coverage, standing and what follows from them.
func wireCoverage() []wireCase {
	covered := events.CoveredBooking{Type: events.TypeBookingCovered, SchemaVersion: "1.0", BookingID: "booking-1", MemberID: "member-1", ProviderID: "provider-1",
		PlanID: "plan-1", CoverageType: "MEDICAL", Specialty: "Cardiology", Place: "Springfield", ServiceDate: 20500, StartsAt: nine, EndsAt: nine + 1,
		TimeZone: "America/Chicago", VisitType: events.VisitOnSite, ServiceCode: "99213", ReasonCodes: []string{}, DecidedAt: nine}
	withdrawn := covered
	withdrawn.Type, withdrawn.ReasonCodes = events.TypeBookingCoverageWithdrawn, []string{"NOT_CREDENTIALED", "OUT_OF_NETWORK"}
	onsite := events.OnsiteBooking{Type: events.TypeOnsiteBookingWithdrawn, SchemaVersion: "1.0", BookingID: "booking-1", MemberID: "member-1", ProviderID: "provider-1",
		Specialty: "Cardiology", Place: "Springfield", ServiceDate: 20500, StartsAt: nine, EndsAt: nine + 1, TimeZone: "America/Chicago", ServiceCode: "99213",
		ReasonCodes: []string{"NOT_ON_SITE"}, DecidedAt: nine}

	plan, day := some(events.ID("plan-1")), some(events.Date(20500))
	told := tables.ToldCoverage{MemberID: "member-1", Facts: []tables.CoverageFact{{ID: "e-1", Type: events.TypeCoverageVerified, At: nine, PlanID: plan,
		CoverageType: some("MEDICAL"), From: day, To: some(events.Date(20600)), EnrollmentID: some(events.ID("enrolment-1")), PreviousPlanID: plan}}}
	stands := tables.ToldStanding{ProviderID: "provider-1", Facts: []tables.StandingFact{{ID: "e-2", Type: events.TypeNetworkUpdated, At: nine,
		NetworkStatus: events.InNetwork, NetworkID: some(events.ID("network-1")), PlanID: plan, From: 20500, To: day}}}
	verdict := tables.BookingCoverage{BookingID: "booking-1", MemberID: "member-1", ProviderID: "provider-1", Verdict: tables.BookingIsCovered, VerdictAt: nine, PlanID: plan,
		Reasons: []string{}, CoverageType: "MEDICAL", WantedPlanID: plan, ServiceDate: 20500, ServiceCode: "99213", VisitType: events.VisitOnSite, Marks: []string{"ENDS_BEFORE_START"},
		History: []tables.BookingVerdict{{At: nine, Verdict: tables.BookingIsCovered, PlanID: plan, Reasons: []string{}, By: []string{"e-3"}}},
		Bookings: []tables.BookingFact{{ID: "e-3", Type: events.TypeBookingConfirmed, At: nine, MemberID: "member-1", ProviderID: "provider-1", PlanID: plan,
			Specialty: "Cardiology", Place: "Springfield", ServiceDate: 20500, StartsAt: nine, EndsAt: nine + 1, TimeZone: "America/Chicago", VisitType: events.VisitOnSite,
			ServiceCode: "99213", ReasonCode: some("CANCELLED_BY_MEMBER")}},
		Coverage: &told, Standing: &stands}
	member := tables.MemberCoverage{MemberID: "member-1", Marks: []string{"TERMINATED_BEFORE_START"}, Facts: told.Facts,
		Spans: []tables.CoverageSpan{{PlanID: "plan-1", CoverageType: "MEDICAL", From: 20500, To: day, EnrollmentID: some(events.ID("enrolment-1")), By: "e-1"}}}
	provider := tables.ProviderStanding{ProviderID: "provider-1", Marks: []string{}, Facts: stands.Facts,
		Credentialing: []tables.CredentialSpan{{From: 20500, Status: tables.CredentialsApproved, By: "e-2"}},
		Networks:      []tables.NetworkStanding{{NetworkID: "network-1", PlanID: plan, In: []tables.DaySpan{{From: 20500, To: day}}}}}
	entry := verdict.Entry()
	return []wireCase{
		{"careplan.bookings.covered", 1, "-covered", covered, typed[events.CoveredBooking]{}},
		{"careplan.bookings.covered", 1, "-withdrawn", withdrawn, typed[events.CoveredBooking]{}},
		{"careplan.bookings.onsite", 1, "", onsite, typed[events.OnsiteBooking]{}},
		{"member-coverage.v1-eligibility-consumer-table", 1, "", member, typed[tables.MemberCoverage]{}},
		{"member-coverage.v1-eligibility-consumer-told", 1, "", told, typed[tables.ToldCoverage]{}},
		{"provider-standing.v1-provider-consumer-table", 1, "", provider, typed[tables.ProviderStanding]{}},
		{"provider-standing.v1-provider-consumer-told", 1, "", stands, typed[tables.ToldStanding]{}},
		{"booking-member.v1-careplan-consumer-answers", 1, "", topology.Answered[tables.ToldCoverage]{Left: "booking-1", Key: "member-1", Value: &told}, typed[topology.Answered[tables.ToldCoverage]]{}},
		{"booking-provider.v1-careplan-consumer-answers", 1, "", topology.Answered[tables.ToldStanding]{Left: "booking-1", Key: "provider-1", Value: &stands}, typed[topology.Answered[tables.ToldStanding]]{}},
		{"booking-member.v1-careplan-consumer-table", 1, "", topology.Joint[tables.ToldCoverage]{Value: &told, Round: 3, At: 7}, typed[topology.Joint[tables.ToldCoverage]]{}},
		{"booking-provider.v1-careplan-consumer-table", 1, "", topology.Joint[tables.ToldStanding]{Value: &stands, Round: 3, At: 7}, typed[topology.Joint[tables.ToldStanding]]{}},
		{"booking-coverage.v1-careplan-consumer-table", 1, "", verdict, typed[tables.BookingCoverage]{}},
		{"booking-coverage-by-member.v1-careplan-consumer-table", 1, "", tables.CoverageByMember{CoverageEntry: entry}, typed[tables.CoverageByMember]{}},
		{"booking-coverage-by-provider.v1-careplan-consumer-table", 1, "", tables.CoverageByProvider{CoverageEntry: entry}, typed[tables.CoverageByProvider]{}},
		{"member-coverage.v1-eligibility-consumer-told", 1, "-over", told.Removed(), typed[tables.ToldCoverage]{}},
		{"provider-standing.v1-provider-consumer-told", 1, "-over", stands.Removed(), typed[tables.ToldStanding]{}},
		{"booking-member.v1-careplan-consumer-table", 1, "-over", topology.Joint[tables.ToldCoverage]{Over: true}, typed[topology.Joint[tables.ToldCoverage]]{}},
		{"booking-provider.v1-careplan-consumer-table", 1, "-over", topology.Joint[tables.ToldStanding]{Over: true}, typed[topology.Joint[tables.ToldStanding]]{}},
		{"booking-coverage-by-member.v1-careplan-consumer-table", 1, "-over", tables.CoverageByMember{CoverageEntry: entry}.Removed(), typed[tables.CoverageByMember]{}},
		{"booking-coverage-by-provider.v1-careplan-consumer-table", 1, "-over", tables.CoverageByProvider{CoverageEntry: entry}.Removed(), typed[tables.CoverageByProvider]{}},
	}
}
