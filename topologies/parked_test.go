package topologies_test

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// A dead letter tells codes and pointers, never what the record holds.
func TestParkedRecordsShowNothing(t *testing.T) {
	s := newStage(t)
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	const canary = "canary-4711"
	for _, line := range []string{
		`claims.claim.paid ` + canary + ` raw:00ff`,
		`claims.claim.paid "__` + canary + `" raw:00ff`,
		`claims.claim.paid ` + canary + ` raw:` + hex.EncodeToString([]byte(canary)),
		`claims.claim.paid ` + canary + ` {"eventType":"CLAIM_PAID","claimId":"other-` + canary + `","memberId":"m","providerId":"p","paymentId":"y","paidAmount":"1.00","paidAt":"2026-03-10T00:00:00Z"}`,
		`claims.appeal.resolved ` + canary + ` as:claims.appeal.resolved-value/1 {"eventType":"APPEAL_RESOLVED","appealId":"a","claimId":"` + canary + `","memberId":"m","providerId":"p","outcome":"` + canary + `","resolvedAt":"2026-03-10T00:00:00Z"}`,
	} {
		_, rec := s.parse("> " + now.Format(time.RFC3339) + " " + line)
		s.pipe(now, rec)
		took := s.driver.Took()
		if len(took) != 1 || took[0].Parked == nil {
			t.Fatalf("%s: wrote %d things", line, len(took))
		}
		if said := fmt.Sprintf("%+v", *took[0].Parked); strings.Contains(said, canary) {
			t.Errorf("%s: %s", line, said)
		}
	}
}

// A claim whose row has outgrown the table is parked, and the row that is there
// still answers.
func TestARowThatOutgrowsItsTableIsParked(t *testing.T) {
	s := newStage(t)
	now := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	code, deadline := "CO-4", events.Date(20700)
	text := events.Text(strings.Repeat("x", 900<<10))
	serde, err := topologies.ClaimAdjudicated.Codec.Bind(s.memory, "claims.claim.adjudicated")
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for n := range 4 {
		value, err := serde.Encode(events.ClaimAdjudicated{Type: events.TypeClaimDenied, SchemaVersion: "1.0", ClaimID: "c1", MemberID: "m", ProviderID: "p",
			AdjudicatedAt: events.InstantOf(now) + events.Instant(n), DenialReasonCode: &code, DenialReasonText: &text, AppealDeadline: &deadline})
		if err != nil {
			t.Fatal(err)
		}
		s.pipe(now, topology.Raw{Topic: "claims.claim.adjudicated", Key: []byte("c1"), Value: value})
		for _, w := range s.driver.Took() {
			if w.Parked != nil {
				codes = append(codes, w.Parked.Code)
			}
		}
	}
	if len(s.failed) > 0 || !slices.Equal(codes, []string{topology.RowNotCoded, topology.RowNotCoded, topology.RowNotCoded}) {
		t.Errorf("parked %v, failed %v", codes, s.failed)
	}
	if row := s.rows()["claim-status c1"]; strings.Count(row, `"type":"CLAIM_DENIED"`) != 1 {
		t.Errorf("%d bytes of row", len(row))
	}
}
