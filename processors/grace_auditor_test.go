package processors_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/internal/verify"
	"payerflow/processors"
	"payerflow/tables"
)

// TestTheAuditorAgreesOnGrace holds the row, with what was said by it as time
// went on, to the model.
func TestTheAuditorAgreesOnGrace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var row tables.GracePeriods
		p, facts := processors.NewGracePolicies(nil, 0), &verify.GraceFacts{}
		note := func(out []topology.Output) {
			for _, o := range out {
				facts.Add(string(o.Headers[0].Value), o.Value)
			}
		}
		all := slices.DeleteFunc(premiumFacts(t, true), func(f premiumFact) bool { _, others := f.body.(events.PaymentMissed); return others })
		for _, f := range all {
			var out []topology.Output
			row, out = foldPremium(row, f, p)
			facts.Add(f.id, f.body)
			if note(out); rapid.Bool().Draw(t, "time goes on") {
				now := noon(day("2026-02-01") + events.Date(rapid.IntRange(0, 300).Draw(t, "now"))).Time()
				row, out = wake(row, p, now)
				note(out)
			}
		}
		if len(all) == 0 {
			return
		}
		want, made := verify.GraceRow(memberID, facts, nil)
		if fields := verify.Differ(want, row); !made || len(fields) > 0 {
			t.Fatalf("they differ in %v\nfold  %s\nmodel %s", fields, dump(row), dump(want))
		}
	})
}
