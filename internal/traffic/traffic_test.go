package traffic_test

import (
	"testing"
	"time"

	"payerflow/codecs"
	"payerflow/internal/traffic"
)

func TestEveryEventFitsItsSchema(t *testing.T) {
	g := traffic.New(1, 0)
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	types := map[string]int{}
	for i := range 5000 {
		body, faults := codecs.CheckBody(g.Next(now.Add(time.Duration(i) * time.Second)).Body)
		if len(faults) > 0 {
			t.Fatalf("event %d: %s at %s: %s", i, faults[0].ReasonCode, faults[0].At, faults[0].Reason)
		}
		types[body["eventType"].(string)]++
	}
	for _, want := range []string{"PRIOR_AUTH_APPROVED", "CLAIM_SUBMITTED", "CLAIM_APPROVED", "CLAIM_DENIED", "CLAIM_PAID", "APPEAL_RESOLVED"} {
		if types[want] == 0 {
			t.Errorf("no %s among 5000 events", want)
		}
	}
}

func TestSameSeedMakesTheSameEvents(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	a, b, other := traffic.New(7, 100), traffic.New(7, 100), traffic.New(8, 100)
	differs := false
	for i := range 500 {
		x, y, z := a.Next(now), b.Next(now), other.Next(now)
		if x.ID != y.ID || string(x.Body) != string(y.Body) {
			t.Fatalf("event %d differs between two generators of one seed", i)
		}
		differs = differs || x.ID != z.ID
	}
	if !differs {
		t.Error("two seeds make the same events")
	}
}
