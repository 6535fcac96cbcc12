package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// BenchmarkBookingCoverage takes b.N bookings, ten to a member and a hundred to
// a provider, through the seven groups from events to verdicts, lists and what
// flows on, with the worker and an in-memory broker in one process, until all
// are told to be covered.
func BenchmarkBookingCoverage(b *testing.B) {
	c := newCluster(b)
	members, providers := max(1, b.N/10), max(1, b.N/100)
	day, at, medical := events.DateOf(time.Now()), events.InstantOf(time.Now().Add(-time.Hour)), "MEDICAL"
	gold := events.ID("gold")
	c.load(members, func(i int) *kgo.Record {
		return record(c, topologies.CoverageVerified, events.CoverageVerified{Type: events.TypeCoverageVerified, MemberID: events.ID(fmt.Sprint("m", i)), PlanID: &gold,
			CoverageType: &medical, EffectiveDate: &day, VerifiedAt: at})
	})
	c.load(providers, func(i int) *kgo.Record {
		return record(c, topologies.CredentialingChanged, events.CredentialingChanged{Type: events.TypeCredentialingApproved, ProviderID: events.ID(fmt.Sprint("p", i)),
			NPI: "1999999984", ProviderName: "n", CredentialingStatus: "APPROVED", NetworkStatus: events.InNetwork, EffectiveDate: day, ApprovedAt: &at})
	})
	c.load(b.N, func(i int) *kgo.Record {
		return record(c, topologies.Bookings, events.Booking{Type: events.TypeBookingConfirmed, BookingID: events.ID(fmt.Sprint("b", i)), AvailabilityID: "s",
			MemberID: events.ID(fmt.Sprint("m", i%members)), ProviderID: events.ID(fmt.Sprint("p", i%providers)), Specialty: "Cardiology", Place: "Springfield",
			ServiceDate: day, StartsAt: at, EndsAt: at, TimeZone: "UTC", VisitType: events.VisitOnSite, ServiceCode: "99213", ChangedAt: at})
	})
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumeTopics(topologies.CoveredBookings.Topic.Name), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(reader.Close)
	measured(b, b.N+members+providers, func() {
		c.start(b.TempDir(), []topology.Declared{topologies.MemberCoverage.Declare(), topologies.ProviderStanding.Declare(), topologies.BookingMember.Declare(),
			topologies.BookingProvider.Declare(), topologies.BookingCoverage.Declare(), topologies.CoverageByMember.Declare(), topologies.CoverageByProvider.Declare()})
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		for covered := map[string]bool{}; len(covered) < b.N; {
			f := reader.PollFetches(ctx)
			if ctx.Err() != nil {
				b.Fatalf("%d of %d bookings are covered", len(covered), b.N)
			}
			f.EachRecord(func(r *kgo.Record) { covered[string(r.Key)] = true })
		}
	})
}
