package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"payerflow/tables"
)

const (
	listedClaims = 2500 // of one provider and member, more than a join tells at once
	listedPage   = 500
)

// listed is what the test looks at of an entry of a list.
type listed struct {
	Key   string
	Value struct{ ClaimID, Status, ServiceDate, PriorAuthState string }
}

// joinedAndListed: claims of one provider all name one prior authorization,
// which is decided afterwards, and their member misses a premium. Each claim is
// told, and the list pages through them, newest date of service first.
func joinedAndListed(t *testing.T, tg target) {
	w, base := tg.worker(t, t.TempDir())
	defer w.terminate()
	within(t, time.Minute, "ready", func() bool { return get(t, base+"/readyz", nil) == 200 })
	publish := func(name, lines string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, stderr, code := cli(t, "", append([]string{"publish", "--file", path}, tg.flags()...)...); code != 0 {
			t.Fatalf("publish: exit %d: %s", code, stderr)
		}
	}
	tag := fmt.Sprint(time.Now().UnixNano())
	provider, member, auth := "p-"+tag, "m-"+tag, "pa-"+tag
	now := time.Now().UTC()
	// The grace period began with last month: this one is its second.
	second := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	due := second.AddDate(0, -1, -1)
	publish("claims.ndjson", claimsOf(provider, member, auth, now))
	publish("decided.ndjson", fmt.Sprintf(`{"eventType":"PRIOR_AUTH_APPROVED","priorAuthId":%q,"memberId":%q,"providerId":%q,"planId":"pl","decidedAt":%q,"effectiveDate":"2020-01-01"}`+"\n",
		auth, member, provider, now.Format(time.RFC3339))+
		fmt.Sprintf(`{"eventType":"INVOICE_GENERATED","invoiceId":"i","memberId":%q,"planId":"pl","premiumCents":100,"periodStart":%q,"periodEnd":%q,"dueDate":%[2]q,"generatedAt":%[4]q,"aptcCents":50}`+"\n",
			member, due.Format(time.DateOnly), second.Format(time.DateOnly), due.AddDate(0, 0, -9).Format(time.RFC3339)))
	within(t, 120*time.Second, "every claim told of the authorization, and those in a pendable month pended", func() bool {
		told := 0
		for _, e := range pages(t, base, provider) {
			if e.Value.PriorAuthState == tables.AuthApproved && (e.Value.Status == tables.ClaimPended) == (e.Value.ServiceDate >= second.Format(time.DateOnly)) {
				told++
			}
		}
		return told == listedClaims
	})
	all := pages(t, base, provider)
	seen := map[string]bool{}
	for i, e := range all {
		if i > 0 && e.Value.ServiceDate > all[i-1].Value.ServiceDate {
			t.Fatalf("entry %d is of %s, after one of %s", i, e.Value.ServiceDate, all[i-1].Value.ServiceDate)
		}
		if seen[e.Value.ClaimID] {
			t.Fatal("a claim is listed twice")
		}
		seen[e.Value.ClaimID] = true
	}
	if len(seen) != listedClaims {
		t.Errorf("%d claims listed, want %d", len(seen), listedClaims)
	}
	publish("paid.ndjson", fmt.Sprintf(`{"eventType":"PAYMENT_COMPLETED","paymentId":"y","memberId":%q,"invoiceId":"i","amountCents":100,"completedAt":%q}`+"\n", member, now.Format(time.RFC3339)))
	within(t, 120*time.Second, "no claim pended once the premium is paid", func() bool {
		for _, e := range pages(t, base, provider) {
			if e.Value.Status == tables.ClaimPended {
				return false
			}
		}
		return true
	})
	tg.verified(t, base)
}

// claimsOf are claims of the last hundred days.
func claimsOf(provider, member, auth string, now time.Time) string {
	var lines strings.Builder
	for i := range listedClaims {
		fmt.Fprintf(&lines, `{"eventType":"CLAIM_SUBMITTED","claimId":"%s-%d","memberId":%q,"providerId":%q,"planId":"pl","claimType":"PROFESSIONAL","totalBilledAmount":"250.00","serviceDate":%q,"submittedAt":%q,"requiresPriorAuth":true,"priorAuthId":%q}`+"\n",
			provider, i, member, provider, now.AddDate(0, 0, -i%100).Format(time.DateOnly), now.Format(time.RFC3339), auth)
	}
	return lines.String()
}

// pages reads the list of a provider's claims from the first page to the last.
func pages(t *testing.T, base, provider string) (all []listed) {
	t.Helper()
	cursor := ""
	for {
		var page struct {
			Rows []listed
			Next string
		}
		path := fmt.Sprintf("%s/v1/views/claims-by-provider/%s?limit=%d&cursor=%s", base, url.PathEscape(provider), listedPage, url.QueryEscape(cursor))
		if code := get(t, path, &page); code != 200 {
			return nil
		}
		if all = append(all, page.Rows...); page.Next == "" {
			return all
		}
		cursor = page.Next
	}
}
