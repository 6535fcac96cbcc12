package main

import (
	"encoding/json"
	"testing"

	"payerflow/internal/verify"
)

// verified runs the auditor over all that a test left behind, and wants it
// equal. base is a server, "" for none.
func (tg target) verified(t *testing.T, base string, args ...string) verify.Report {
	t.Helper()
	r, stderr, code := tg.verify(t, base, args...)
	if code != exitOK {
		found, _ := json.Marshal(r)
		t.Errorf("verify: exit %d: %s%s", code, stderr, found)
	}
	return r
}

// deliveriesAlone is what is verified where a test is about the router alone.
var deliveriesAlone = []string{"--routes", "--redaction", "--duplicates", "--dlq", "--offsets"}

func (tg target) verify(t *testing.T, base string, args ...string) (r verify.Report, stderr string, code int) {
	t.Helper()
	args = append(append([]string{"verify", "-o", "json"}, args...), tg.flags()...)
	if base == "" {
		args = append(args, "--tables-only")
	} else {
		args = append(args, "--url", base)
	}
	out, stderr, code := cli(t, "", args...)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("verify: exit %d: %s", code, stderr)
	}
	return r, stderr, code
}

// TestVerifyFindsWhatIsPlanted: each defect, and nothing else.
func TestVerifyFindsWhatIsPlanted(t *testing.T) {
	out, stderr, code := cli(t, "", "verify", "--self-test", "-o", "json")
	var results []tested
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatalf("exit %d: %s%s", code, stderr, out)
	}
	for _, r := range results {
		if !r.Right {
			t.Errorf("%s in %s: found %q, want %q", r.Defect, r.Where, r.Found, r.Wanted)
		}
	}
	if code != exitOK || len(results) != 13 {
		t.Errorf("exit %d, %d results: %s", code, len(results), stderr)
	}
}
