// This file answers: does insurance cover this booking, as far as is known by
// some event time.

package processors

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// Reasons why insurance does not cover a booking, or why that is not known.
const (
	ReasonCancelled           = "BOOKING_CANCELLED"
	ReasonMemberDiffers       = "MEMBER_DIFFERS"   // its events name two members
	ReasonProviderDiffers     = "PROVIDER_DIFFERS" // its events name two providers
	ReasonNoCoverage          = "NO_COVERAGE_ON_DATE"
	ReasonServiceNotCovered   = "SERVICE_NOT_COVERED" // covered, and not for this line of benefits
	ReasonNotCredentialed     = "NOT_CREDENTIALED"
	ReasonOutOfNetwork        = "OUT_OF_NETWORK"
	ReasonCoverageUnknown     = "COVERAGE_UNKNOWN" // nobody said anything about the member
	ReasonCredentialsUnknown  = "CREDENTIALING_UNKNOWN"
	ReasonNetworkUnknown      = "NETWORK_UNKNOWN"
	MarkCancelledAndConfirmed = "CONFIRMED_AFTER_CANCELLED" // the cancellation stands
)

// unknown are the reasons that say what is not known, rather than what is.
var unknown = []string{ReasonCoverageUnknown, ReasonCredentialsUnknown, ReasonNetworkUnknown}

// bookingTold is what a booking's own facts have said so far, in the order of
// event time. Member and provider are those of the first fact; all else is
// what the latest confirmation says, or a cancellation where there is none.
type bookingTold struct {
	first, latest   tables.BookingFact
	any, cancelled  bool
	member, visited bool // another member, another provider
	again           bool // confirmed after it was cancelled
}

func (b *bookingTold) tell(f tables.BookingFact) {
	if !b.any {
		b.first, b.latest = f, f
	}
	confirmed := f.Type == events.TypeBookingConfirmed
	b.again = b.again || confirmed && b.cancelled
	if confirmed {
		b.latest = f
	}
	b.any, b.cancelled = true, b.cancelled || !confirmed
	b.member, b.visited = b.member || f.MemberID != b.first.MemberID, b.visited || f.ProviderID != b.first.ProviderID
}

// decide is the verdict by all that was told. All reasons are named that apply;
// a booking that is cancelled has no other.
func decide(b *bookingTold, c *coverageDays, s *standingDays) (v tables.BookingVerdict) {
	if b.cancelled {
		return tables.BookingVerdict{Verdict: tables.BookingIsCancelled, Reasons: []string{ReasonCancelled}}
	}
	reasons := []string{}
	because := func(when bool, reason string) {
		if when {
			reasons = append(reasons, reason)
		}
	}
	because(b.member, ReasonMemberDiffers)
	because(b.visited, ReasonProviderDiffers)
	day, plans := b.latest.ServiceDate, namedPlan(b.latest.PlanID, tables.PlansOn(c.spans, b.latest.ServiceDate, serviceLine(b.latest.ServiceCode)))
	other := namedPlan(b.latest.PlanID, tables.PlansOn(c.spans, day, ""))
	because(!c.told, ReasonCoverageUnknown)
	because(c.told && len(plans) == 0 && len(other) == 0, ReasonNoCoverage)
	because(c.told && len(plans) == 0 && len(other) > 0, ReasonServiceNotCovered)
	because(len(s.credentialing) == 0, ReasonCredentialsUnknown)
	because(len(s.credentialing) > 0 && !tables.ApprovedOn(s.credentialing, day), ReasonNotCredentialed)

	asked := plans
	if len(asked) == 0 && b.latest.PlanID != nil {
		asked = []events.ID{*b.latest.PlanID}
	}
	in := slices.IndexFunc(asked, func(plan events.ID) bool { return tables.NetworkOn(s.networks, day, plan) })
	because(len(s.networks) == 0, ReasonNetworkUnknown)
	because(len(s.networks) > 0 && len(asked) > 0 && in < 0, ReasonOutOfNetwork)

	slices.Sort(reasons)
	v = tables.BookingVerdict{Verdict: tables.BookingUndecided, Reasons: reasons}
	switch {
	case len(reasons) == 0:
		v.Verdict, v.PlanID = tables.BookingIsCovered, &asked[in]
	case slices.ContainsFunc(reasons, func(r string) bool { return !slices.Contains(unknown, r) }):
		v.Verdict = tables.BookingNotCovered
	}
	return v
}

// namedPlan leaves the plans that count: the one that the booking names, else all.
func namedPlan(plan *events.ID, plans []events.ID) []events.ID {
	if plan == nil {
		return plans
	}
	return slices.DeleteFunc(plans, func(p events.ID) bool { return p != *plan })
}

func compareBookingFacts(a, b tables.BookingFact) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(bookingRank(a.Type), bookingRank(b.Type)), cmp.Compare(a.ID, b.ID))
}

// bookingRank orders facts of one instant as a booking lives through them.
func bookingRank(t events.Type) int {
	return slices.Index([]events.Type{events.TypeBookingConfirmed, events.TypeBookingCancelled}, t)
}
