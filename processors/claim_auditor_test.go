package processors_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/internal/verify"
	"payerflow/tables"
)

// TestTheAuditorAgrees holds the fold, which goes forward with a row, to the
// auditor's model, which shares nothing with it and looks at all facts at once.
func TestTheAuditorAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var row tables.ClaimStatus
		auths, graces := map[string]*tables.PriorAuth{}, map[string][]tables.ClaimGraceSpan{}
		for i := range rapid.IntRange(1, 14).Draw(t, "facts") {
			f := anyFact(t)
			f.id = fmt.Sprintf("e%02d", i)
			row, _ = step(row, f)
		}
		if row.PriorAuthID != nil && rapid.Bool().Draw(t, "decided") {
			auth := someAuth(t, *row.PriorAuthID)
			auths[string(auth.PriorAuthID)] = &auth
			row, _ = step(row, fact{id: "a", body: topology.Answered[tables.PriorAuth]{Left: claimID, Key: string(auth.PriorAuthID), Value: &auth}})
		}
		if rapid.Bool().Draw(t, "in grace") {
			claims := rapid.SampledFrom([]string{tables.ClaimsPaid, tables.ClaimsPendable, tables.ClaimsExpired}).Draw(t, "claims")
			from := events.Date(rapid.IntRange(20498, 20501).Draw(t, "from"))
			told := tables.MemberGrace{MemberID: row.MemberID, Spans: events.Text(fmt.Sprintf("%s/%s/%s", from, from+2, claims))}
			graces[string(row.MemberID)] = []tables.ClaimGraceSpan{{From: from, To: from + 2, Claims: claims}}
			row, _ = step(row, fact{id: "g", body: topology.Answered[tables.MemberGrace]{Left: claimID, Key: string(row.MemberID), Value: &told}})
		}
		facts := slices.Clone(row.History)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		random.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
		want, made := verify.ClaimRow(claimID, facts, auths, graces)
		if fields := verify.Differ(want, row); !made || len(fields) > 0 {
			t.Fatalf("they differ in %v\nfold  %+v\nmodel %+v", fields, row.Marks, want.Marks)
		}
	})
}

// someAuth is an authorization that may be decided, either way or both.
func someAuth(t *rapid.T, id events.ID) tables.PriorAuth {
	var decisions []fact
	for i := range rapid.IntRange(0, 2).Draw(t, "decisions") {
		at := rapid.IntRange(0, 4).Draw(t, "at")
		f := refused(at)
		if rapid.Bool().Draw(t, "granted") {
			f = granted(at, func(e *events.PriorAuthDecided) {
				e.MemberID, e.ServiceCode = events.ID(rapid.SampledFrom([]string{"m", "m2"}).Draw(t, "of")), some(rapid.SampledFrom([]string{"1", "2"}).Draw(t, "code"))
				e.EffectiveDate = some(events.Date(rapid.IntRange(20499, 20502).Draw(t, "effective")))
				e.ExpirationDate = some(events.Date(20501))
				if rapid.Bool().Draw(t, "for a claim") {
					e.ClaimID = some(events.ID(rapid.SampledFrom([]string{claimID, "other"}).Draw(t, "claim")))
				}
			})
		}
		f.id = fmt.Sprintf("d%02d", i)
		decisions = append(decisions, f)
	}
	row := foldAuth(decisions)
	row.PriorAuthID = id
	return row
}
