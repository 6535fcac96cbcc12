package events_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"payerflow/events"
)

type event interface {
	EventType() string
	Subject() string
	OccurredAt() time.Time
	Validate() error
	LogValue() slog.Value
}

func some[T any](v T) *T { return &v }

var at = events.InstantOf(time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC))

func submitted() events.ClaimSubmitted {
	return events.ClaimSubmitted{Type: events.TypeClaimSubmitted, ClaimID: "c", MemberID: "m", ProviderID: "p", PlanID: "pl", ClaimType: "DENTAL", SubmittedAt: at}
}

func approved() events.ClaimAdjudicated {
	return events.ClaimAdjudicated{Type: events.TypeClaimApproved, ClaimID: "c", MemberID: "m", ProviderID: "p", AdjudicatedAt: at, Status: some("APPROVED"),
		TotalBilledAmount: some(events.Money(1)), AllowedAmount: some(events.Money(1)), PaidAmount: some(events.Money(1)), MemberResponsibility: some(events.Money(0))}
}

func denied() events.ClaimAdjudicated {
	return events.ClaimAdjudicated{Type: events.TypeClaimDenied, ClaimID: "c", MemberID: "m", ProviderID: "p", AdjudicatedAt: at,
		DenialReasonCode: some("CO-4"), DenialReasonText: some(events.Text("because")), AppealDeadline: some(events.Date(20500))}
}

func paid() events.ClaimPaid {
	return events.ClaimPaid{Type: events.TypeClaimPaid, ClaimID: "c", MemberID: "m", ProviderID: "p", PaymentID: "y", PaidAt: at, RecordedBy: events.RecordedByBilling}
}

func resolved() events.AppealResolved {
	return events.AppealResolved{Type: events.TypeAppealResolved, AppealID: "a", ClaimID: "c", MemberID: "m", ProviderID: "p", Outcome: events.OutcomeUpheld, ResolvedAt: at}
}

func TestEventsSayWhatTheyAre(t *testing.T) {
	for want, e := range map[string]event{
		"CLAIM_SUBMITTED": submitted(), "CLAIM_APPROVED": approved(), "CLAIM_DENIED": denied(), "CLAIM_PAID": paid(), "APPEAL_RESOLVED": resolved(),
		"RECONSIDERATION_RECEIVED": reported(),
		"RECONSIDERATION_DECIDED":  decided(),
	} {
		if e.EventType() != want || e.Subject() != "c" || !e.OccurredAt().Equal(at.Time()) {
			t.Errorf("%T says %s, %s, %s", e, e.EventType(), e.Subject(), e.OccurredAt())
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestEventsInLogsShowTheirTypeOnly(t *testing.T) {
	canaries := map[string]event{
		"CLAIM_SUBMITTED":          with(submitted(), func(e *events.ClaimSubmitted) { e.MemberID, e.ClaimType, e.TotalBilledAmount = canary, canary, 4711 }),
		"CLAIM_DENIED":             with(denied(), func(e *events.ClaimAdjudicated) { e.MemberID, e.DenialReasonCode = canary, some(canary) }),
		"CLAIM_PAID":               with(paid(), func(e *events.ClaimPaid) { e.MemberID, e.PaidAmount = canary, 4711 }),
		"APPEAL_RESOLVED":          with(resolved(), func(e *events.AppealResolved) { e.MemberID, e.Outcome = canary, canary }),
		"RECONSIDERATION_RECEIVED": with(reported(), func(e *events.AppealUpdated) { e.MemberID, e.Text = canary, some(events.Text(canary)) }),
	}
	for want, e := range canaries {
		var b bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
			slog.New(h).Info("event", "event", e)
			slog.New(h).With("event", e).Info("event")
		}
		if s := b.String(); strings.Contains(s, canary) || strings.Contains(s, "47.11") || strings.Count(s, want) != 4 || strings.Count(s, events.Redacted) != 4 {
			t.Errorf("log of %s: %s", want, s)
		}
	}
}

func TestEventsRefuseTypesOfOtherTopics(t *testing.T) {
	all := []events.Type{"", events.TypeUnknown, events.TypeClaimSubmitted, events.TypeClaimApproved, events.TypeClaimDenied, events.TypeClaimPaid, events.TypeAppealResolved}
	for _, typ := range all {
		for own, e := range map[string]event{
			"CLAIM_SUBMITTED": with(submitted(), func(e *events.ClaimSubmitted) { e.Type = typ }),
			"CLAIM_PAID":      with(paid(), func(e *events.ClaimPaid) { e.Type = typ }),
			"APPEAL_RESOLVED": with(resolved(), func(e *events.AppealResolved) { e.Type = typ }),
		} {
			wantFault(t, e, string(typ) != own, events.UnknownEventType, "/eventType")
		}
		if typ != events.TypeClaimApproved && typ != events.TypeClaimDenied {
			wantFault(t, with(approved(), func(e *events.ClaimAdjudicated) { e.Type = typ }), true, events.UnknownEventType, "/eventType")
		}
	}
}

func TestAppealRefusesAnUnknownOutcome(t *testing.T) {
	for _, outcome := range []string{"", "overturned", canary} {
		wantFault(t, with(resolved(), func(e *events.AppealResolved) { e.Outcome = outcome }), true, events.InvalidValue, "/outcome")
	}
}

func TestAdjudicationRequiresWhatItsTypeSays(t *testing.T) {
	wantFault(t, with(approved(), func(e *events.ClaimAdjudicated) { e.Type = events.TypeClaimDenied }), true, events.MissingField, "/denialReasonCode")
	wantFault(t, with(denied(), func(e *events.ClaimAdjudicated) { e.Type = events.TypeClaimApproved }), true, events.MissingField, "/status")
	wantFault(t, with(denied(), func(e *events.ClaimAdjudicated) { e.DenialReasonText = some(events.Text("")) }), true, events.MissingField, "/denialReasonText")
}

func with[E any](e E, change func(*E)) E { change(&e); return e }

func wantFault(t *testing.T, e event, refused bool, code, pointer string) {
	t.Helper()
	err := e.Validate()
	if !refused {
		if err != nil {
			t.Errorf("%T is refused: %v", e, err)
		}
		return
	}
	var f *events.Fault
	if !errors.As(err, &f) || f.Code() != code || f.Pointer() != pointer || f.Error() == "" || strings.Contains(f.Error(), canary) {
		t.Errorf("%T: error %#v, want %s at %s", e, err, code, pointer)
	}
}
