package events_test

import (
	"errors"
	"testing"

	"payerflow/events"
)

// insured is one valid event of each type about members' coverage and
// providers' standing.
func insured() map[string]event {
	day, line, plan := some(events.Date(20500)), "MEDICAL", some(events.ID("pl"))
	verified := events.CoverageVerified{Type: events.TypeCoverageVerified, MemberID: "c", PlanID: plan, EffectiveDate: day, CoverageType: &line, VerifiedAt: at}
	credentials := func(of events.Type) events.CredentialingChanged {
		return events.CredentialingChanged{Type: of, ProviderID: "c", NPI: "1999999984", ProviderName: "n", CredentialingStatus: "S", NetworkStatus: "N"}
	}
	ok, no, old, off := credentials(events.TypeCredentialingApproved), credentials(events.TypeCredentialingDenied),
		credentials(events.TypeCredentialingExpired), credentials(events.TypeCredentialingSuspended)
	ok.ApprovedAt, no.DeniedAt, old.ExpiredAt, off.SuspendedAt = some(at), some(at), some(at), some(at)
	return map[string]event{
		"COVERAGE_VERIFIED":       verified,
		"COVERAGE_NOT_FOUND":      events.CoverageVerified{Type: events.TypeCoverageNotFound, MemberID: "c", VerifiedAt: at},
		"COVERAGE_TERMINATED":     events.CoverageTerminated{Type: events.TypeCoverageTerminated, MemberID: "c", PlanID: "pl", TerminatedAt: at},
		"ENROLLMENT_ACTIVATED":    events.EnrollmentActivated{Type: events.TypeEnrollmentActivated, EnrollmentID: "e", MemberID: "c", PlanID: "pl", CoverageType: line, ActivatedAt: at},
		"ENROLLMENT_TERMINATED":   events.EnrollmentTerminated{Type: events.TypeEnrollmentTerminated, EnrollmentID: "e", MemberID: "c", PlanID: "pl", CoverageType: line, TerminatedAt: at},
		"ENROLLMENT_PLAN_CHANGED": events.EnrollmentPlanChanged{Type: events.TypeEnrollmentPlanChanged, EnrollmentID: "e", MemberID: "c", PlanID: "pl", PreviousPlanID: "p0", CoverageType: line, ChangedAt: at},
		"CREDENTIALING_APPROVED":  ok,
		"CREDENTIALING_DENIED":    no,
		"CREDENTIALING_EXPIRED":   old,
		"CREDENTIALING_SUSPENDED": off,
		"NETWORK_UPDATED":         events.NetworkUpdated{Type: events.TypeNetworkUpdated, ProviderID: "c", NetworkID: "n", NetworkStatus: events.InNetwork, UpdatedAt: at},
	}
}

func TestInsuranceEventsSayWhatTheyAre(t *testing.T) {
	for want, e := range insured() {
		if e.EventType() != want || e.Subject() != "c" || !e.OccurredAt().Equal(at.Time()) {
			t.Errorf("%T says %s, %s, %s", e, e.EventType(), e.Subject(), e.OccurredAt())
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A type of another topic is refused, and so is the time of another type.
func TestInsuranceEventsOfAnotherType(t *testing.T) {
	approved := insured()["CREDENTIALING_APPROVED"].(events.CredentialingChanged)
	approved.Type = events.TypeCredentialingDenied
	if !approved.OccurredAt().IsZero() {
		t.Error("a denial takes the time of an approval")
	}
	for want, e := range map[string]event{
		"/eventType": events.CoverageVerified{Type: events.TypeCoverageTerminated, MemberID: "c", VerifiedAt: at},
		"/deniedAt":  approved,
	} {
		var fault *events.Fault
		if err := e.Validate(); !errors.As(err, &fault) || fault.At != want {
			t.Errorf("%T: %v, want %s", e, err, want)
		}
	}
}
