package processors_test

import (
	"testing"

	"payerflow/processors"
	"payerflow/tables"
)

// claimSubmitted is a body as clients write it, with the lines of its type.
const claimSubmitted = `{"eventType":"CLAIM_SUBMITTED","schemaVersion":"1.0","claimId":"CLM-2026-000123456","memberId":"MBR-0099887766","providerId":"PRV-0011223344","planId":"PLN-GOLD-PPO",` +
	`"claimType":"PROFESSIONAL","totalBilledAmount":"1250.00","serviceDate":"2026-01-15","submittedAt":"2026-01-20T12:00:00.123456Z","requiresPriorAuth":true,"priorAuthId":"PA-2026-0042"}`

func claimLines() tables.EventType {
	t := tables.EventType{Name: "CLAIM_SUBMITTED", Version: 1, KeyField: "/claimId"}
	for _, name := range []string{"claimId", "memberId", "providerId", "totalBilledAmount", "serviceDate", "priorAuthId"} {
		t.Fields = append(t.Fields, tables.Field{Pointer: "/" + name, Class: tables.ClassPHI})
	}
	for _, name := range []string{"eventType", "schemaVersion", "planId", "claimType", "submittedAt", "requiresPriorAuth"} {
		t.Fields = append(t.Fields, tables.Field{Pointer: "/" + name, Class: tables.ClassPublic})
	}
	return t
}

func BenchmarkRedactBody(b *testing.B) {
	m := maskOf(claimLines())
	b.SetBytes(int64(len(claimSubmitted)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Body([]byte(claimSubmitted)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRedactEnvelope(b *testing.B) {
	m := maskOf(claimLines())
	e := envelope(claimSubmitted)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Envelope(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewMask(b *testing.B) {
	t := visit()
	b.ReportAllocs()
	for b.Loop() {
		processors.NewMask(t, nil, []byte(secretText))
	}
}
