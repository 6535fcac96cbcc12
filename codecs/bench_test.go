package codecs_test

import (
	"testing"

	"payerflow/codecs"
	"payerflow/events"
)

func benchSubmitted() events.ClaimSubmitted {
	return events.ClaimSubmitted{Type: events.TypeClaimSubmitted, SchemaVersion: "1.0", ClaimID: "9b2f3c1e-5d0a-4e6b-8f27-0a1b2c3d4e5f",
		MemberID: "1b2f3c1e-5d0a-4e6b-8f27-0a1b2c3d4e5f", ProviderID: "2b2f3c1e-5d0a-4e6b-8f27-0a1b2c3d4e5f", PlanID: "3b2f3c1e-5d0a-4e6b-8f27-0a1b2c3d4e5f",
		ClaimType: "PROFESSIONAL", TotalBilledAmount: 25000, ServiceDate: 20468, SubmittedAt: 1768557600000000}
}

func BenchmarkCodec(b *testing.B) {
	serde, err := codecs.NewAvro[events.ClaimSubmitted]("claims.claim.submitted", 1<<20).Bind(&codecs.Memory{}, "claims.claim.submitted")
	if err != nil {
		b.Fatal(err)
	}
	value, err := serde.Encode(benchSubmitted())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		e := benchSubmitted()
		for b.Loop() {
			if _, err := serde.Encode(e); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(value)), "bytes/event")
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := serde.Decode(value); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("digest", func(b *testing.B) {
		b.ReportAllocs()
		e := benchSubmitted()
		for b.Loop() {
			if _, err := serde.Digest(e); err != nil {
				b.Fatal(err)
			}
		}
	})
}
