package codecs_test

import (
	"bytes"
	"testing"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// TestOpenAgreesWithTyped reads what the typed codecs wrote: key, type and the
// identity of an event must not depend on who looks at it.
func TestOpenAgreesWithTyped(t *testing.T) {
	agree(t, topologies.ClaimSubmitted, openSubmitted())
	withAuth := openSubmitted()
	auth := events.ID("pa-1")
	withAuth.PriorAuthID, withAuth.SchemaVersion = &auth, "1.1"
	agree(t, topologies.ClaimSubmitted, withAuth)
	code, text, day := "CO-197", events.Text("absent — \"quoted\""), events.Date(20500)
	agree(t, topologies.ClaimAdjudicated, events.ClaimAdjudicated{Type: events.TypeClaimDenied, SchemaVersion: "1.0", ClaimID: "c1", MemberID: "m1", ProviderID: "p1",
		AdjudicatedAt: 1_700_000_000_000_000, DenialReasonCode: &code, DenialReasonText: &text, AppealDeadline: &day})
	amount := events.Money(-123)
	agree(t, topologies.ClaimAdjudicated, events.ClaimAdjudicated{Type: events.TypeClaimApproved, SchemaVersion: "1.0", ClaimID: "c1", MemberID: "m1", ProviderID: "p1",
		AdjudicatedAt: 1_700_000_000_000_000, PaidAmount: &amount})
}

func openSubmitted() events.ClaimSubmitted {
	return events.ClaimSubmitted{Type: events.TypeClaimSubmitted, SchemaVersion: "1.0", ClaimID: "c1", MemberID: "m1", ProviderID: "p1", PlanID: "pl1",
		ClaimType: "PROFESSIONAL", TotalBilledAmount: 25000, ServiceDate: 20468, SubmittedAt: 1_700_000_000_000_001, RequiresPriorAuth: true}
}

func agree[E topology.Event](t *testing.T, s topology.Stream[E], e E) {
	t.Helper()
	registry := &codecs.Memory{}
	typed, err := s.Codec.Bind(registry, s.Topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	open, err := codecs.NewOpen(s.Topic).Bind(registry, s.Topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	value, err := typed.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := open.Decode(value)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := typed.Digest(e)
	if have, _ := open.Digest(got); !bytes.Equal(have, want) {
		t.Errorf("digest\n%q, typed\n%q", have, want)
	}
	if got.Subject() != e.Subject() || got.EventType() != e.EventType() {
		t.Errorf("key or type differ")
	}
	back, err := open.Encode(got)
	if err != nil || !bytes.Equal(back, value) {
		t.Errorf("encoded again: %v, %d bytes of %d", err, len(back), len(value))
	}
}

func TestOpenRefusesWhatDoesNotFit(t *testing.T) {
	open, err := codecs.NewOpen(topologies.ClaimPaid.Topic).Bind(&codecs.Memory{}, topologies.ClaimPaid.Topic.Name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open.Encode(events.Typed{Body: `{"eventType":"CLAIM_PAID"}`}); err == nil {
		t.Error("a body without its fields was written")
	}
	for _, b := range [][]byte{nil, {0}, {0, 0, 0, 0, 9}, []byte("{}")} {
		if _, err := open.Decode(b); err == nil {
			t.Errorf("%q was read", b)
		}
	}
}
