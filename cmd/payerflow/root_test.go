package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"payerflow/config"
	"payerflow/events"
	"payerflow/tables"
)

func TestLogShowsNoRow(t *testing.T) {
	const canary = "canary-4711"
	row := tables.ClaimStatus{ClaimID: canary, History: []tables.ClaimFact{{ID: canary, MemberID: canary}}}
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		log := newLogger(&b, config.Log{Level: "info", Format: format})
		log.With("row", row).Info("row", "at", &row, "in", []any{row}, "by", map[events.ID]tables.ClaimStatus{canary: row},
			"ids", []events.ID{canary}, "event", events.ClaimSubmitted{Type: events.TypeClaimSubmitted, ClaimID: canary},
			"error", errors.New("kept"), "took", time.Second)
		s := b.String()
		if strings.Contains(s, canary) || strings.Count(s, events.Redacted) != 6 {
			t.Errorf("%s log: %s", format, s)
		}
		for _, want := range []string{"kept", "CLAIM_SUBMITTED", "tables.ClaimStatus"} {
			if !strings.Contains(s, want) {
				t.Errorf("%s log lacks %s: %s", format, want, s)
			}
		}
	}
}
