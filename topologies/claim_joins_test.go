package topologies_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"payerflow/topologies"
)

// joinedFacts are claims of two members that name three prior authorizations,
// what was decided about these, what systems say of their appeals, X12 items,
// premiums of the members: all that claims are joined with changes while they
// are there.
func joinedFacts() (lines []string) {
	add := func(topic, key, body string, a ...any) {
		lines = append(lines, fmt.Sprintf("> 2026-04-01T00:00:00Z %s %s %s headers: ce_id=f%d", topic, key, fmt.Sprintf(body, a...), len(lines)))
	}
	for c := range 6 {
		claim, member, auth := fmt.Sprint("c", c), fmt.Sprint("m", c%2), fmt.Sprint("pa", c%3)
		submitted := `{"eventType":"CLAIM_SUBMITTED","claimId":"%s","memberId":"%s","providerId":"p%d","planId":"pl","claimType":"DENTAL","totalBilledAmount":"250.00","serviceDate":"2026-0%d-05","submittedAt":"2026-03-%02dT00:00:00Z","requiresPriorAuth":true,"priorAuthId":"%s"}`
		add("claims.claim.submitted", claim, submitted, claim, member, c%2, 1+c%4, 10+c, auth)
		if c%3 == 0 { // again, for another member and with another authorization
			add("claims.claim.submitted", claim, submitted, claim, fmt.Sprint("m", (c+1)%2), 0, 3, 9, fmt.Sprint("pa", (c+1)%3))
		}
		if c%2 == 0 {
			add("claims.claim.adjudicated", claim, `{"eventType":"CLAIM_DENIED","claimId":"%s","memberId":"%s","providerId":"p0","denialReasonCode":"CO-197","denialReasonText":"none","appealDeadline":"2026-09-06","adjudicatedAt":"2026-03-20T00:00:00Z"}`, claim, member)
		}
		add("claims.appeal.updated", claim, `{"eventType":"RECONSIDERATION_IN_REVIEW","appealId":"a","claimId":"%s","memberId":"%s","providerId":"p0","sourceSystem":"s%d","updatedAt":"2026-03-%dT00:00:00Z"}`, claim, member, c%2, 21+c)
		add("edi.inbound.received", fmt.Sprint("x", c), `{"eventType":"EDI_837_RECEIVED","ediTransactionId":"x%d","tradingPartnerId":"t","interchangeControlNumber":"000000001","groupControlNumber":"1","transactionSetControlNumber":"0001","usageIndicator":"P","receivedAt":"2026-03-08T00:00:00Z","claimId":"%s"}`, c, claim)
	}
	for d := range 6 {
		auth := fmt.Sprint("pa", d%3)
		if d%2 == 0 {
			add("claims.prior_auth.decision", auth, `{"eventType":"PRIOR_AUTH_APPROVED","priorAuthId":"%s","memberId":"m%d","providerId":"p0","planId":"pl","decidedAt":"2026-02-0%dT00:00:00Z","effectiveDate":"2026-02-01","expirationDate":"2026-03-31"}`, auth, d/2%2, 1+d)
		} else {
			add("claims.prior_auth.decision", auth, `{"eventType":"PRIOR_AUTH_DENIED","priorAuthId":"%s","memberId":"m0","providerId":"p0","planId":"pl","decidedAt":"2026-02-0%dT00:00:00Z","denialReasonCode":"CO-50","denialReasonText":"none"}`, auth, 6-d)
		}
	}
	for m := range 2 {
		member := fmt.Sprint("m", m)
		for month := 1; month <= 2; month++ {
			add("billing.invoice.generated", member, `{"eventType":"INVOICE_GENERATED","invoiceId":"i%d-%d","memberId":"%s","planId":"pl","premiumCents":100,"periodStart":"2026-0%d-01","periodEnd":"2026-0%[4]d-28","dueDate":"2026-0%d-01","generatedAt":"2026-01-0%[4]dT00:00:00Z","aptcCents":50}`, m, month, member, month, month+1)
		}
	}
	add("billing.payment.completed", "m0", `{"eventType":"PAYMENT_COMPLETED","paymentId":"y","memberId":"m0","invoiceId":"i0-1","amountCents":100,"completedAt":"2026-03-30T00:00:00Z"}`)
	return lines
}

// claimRows are the rows that claims end with, and those of their lists.
func (s *stage) claimRows() map[string]string {
	rows := s.rows()
	maps.DeleteFunc(rows, func(key, _ string) bool { return strings.HasPrefix(key, topologies.GracePeriods.View.Name+" ") })
	return rows
}

func playJoined(t *testing.T, lines []string) map[string]string {
	t.Helper()
	s := newStage(t)
	for _, line := range lines {
		s.play(line)
	}
	s.pass(s.latest)
	for _, w := range s.driver.Took() {
		if w.Parked != nil {
			t.Fatalf("parked: %+v", *w.Parked)
		}
	}
	if len(s.failed) > 0 {
		t.Fatal(s.failed)
	}
	return s.claimRows()
}

// TestClaimsAreJoinedInAnyOrder: whatever comes first, and however often it
// comes, claims end with the same rows: what was decided about the prior
// authorization that they name last, and what their member's premiums say.
func TestClaimsAreJoinedInAnyOrder(t *testing.T) {
	lines := joinedFacts()
	want := playJoined(t, lines)
	for _, state := range []string{`"priorAuthState":"APPROVED"`, `"priorAuthState":"DENIED"`, `"priorAuthState":"OTHER_MEMBER"`, `"grace":"PENDABLE"`, `"grace":"PAID"`, `"PENDED"`, `"MEMBER_DIFFERS"`} {
		if !slices.ContainsFunc(slices.Collect(maps.Values(want)), func(row string) bool { return strings.Contains(row, state) }) {
			t.Errorf("no claim has %s: the facts prove nothing about it", state)
		}
	}
	random := rand.New(rand.NewPCG(2026, 11))
	for n := range 30 {
		order := slices.Clone(lines)
		for range random.IntN(len(lines)) {
			order = append(order, lines[random.IntN(len(lines))])
		}
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		got := playJoined(t, order)
		for key := range maps.Keys(want) {
			if got[key] != want[key] {
				t.Fatalf("order %d: %s is\n%s\nwant\n%s", n, key, got[key], want[key])
			}
		}
		if len(got) != len(want) {
			t.Fatalf("order %d: %d rows, want %d", n, len(got), len(want))
		}
	}
}
