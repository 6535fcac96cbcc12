package topologies_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"payerflow/topologies"
)

// fingerprints are those of all groups' code.
func fingerprints(s *source) map[string]string {
	out := map[string]string{}
	for i, o := range s.groups() {
		sum := sha256.Sum256([]byte(s.behind(o)))
		out[topologies.All[i].Name] = hex.EncodeToString(sum[:8])
	}
	return out
}

// TestFoldsAreTheirFingerprints: what the binary says of its folds is what
// the source says. UPDATE=1 writes it anew.
func TestFoldsAreTheirFingerprints(t *testing.T) {
	var lines []string
	for group, code := range fingerprints(readSource(t, "..", nil)) {
		lines = append(lines, group+" "+code)
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile("folds.golden", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile("folds.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("folds have changed, and with them what rows follow from:\n%sUPDATE=1 takes them over; payerflow topology check --deployed will say which tables need a replay", changedLines(string(want), got))
	}
}

func changedLines(before, after string) (out string) {
	was := strings.Split(before, "\n")
	for line := range strings.Lines(after) {
		if !slices.Contains(was, strings.TrimSpace(line)) {
			group, _, _ := strings.Cut(line, " ")
			out += group + "\n"
		}
	}
	return out
}

// TestOnlyWhatRowsFollowFromChangesAFingerprint.
func TestOnlyWhatRowsFollowFromChangesAFingerprint(t *testing.T) {
	read := func(path string) string {
		t.Helper()
		text, err := os.ReadFile("../" + path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const claims = "claim-status.v1-claims-consumer"
	before := fingerprints(readSource(t, "..", nil))
	for _, c := range []struct {
		path, from, to string
		changes        bool
	}{
		{"processors/claim_settle.go", "\n\n", "\n\n// A remark.\n\n\n", false},
		{"tables/claim_status.go", "{ return ", "{\n\treturn ", false},
		{"tables/claim_status.go", `class:"`, `class:"X,`, false},
		{"topologies/claim_status.go", "Doc: ", `Doc: "other" + `, false},
		{"processors/claim_settle.go", " != ", " == ", true},
		{"tables/claim_status.go", `avro:"`, `avro:"x`, true},
	} {
		text := read(c.path)
		changed := strings.Replace(text, c.from, c.to, 1)
		if changed == text {
			t.Errorf("%s has no %q", c.path, c.from)
			continue
		}
		after := fingerprints(readSource(t, "..", map[string]string{c.path: changed}))
		if (after[claims] != before[claims]) != c.changes {
			t.Errorf("%q in place of %q in %s: another fingerprint %v, want %v", c.to, c.from, c.path, !c.changes, c.changes)
		}
		if c.changes && after["sla.v1-mediator-consumer"] != before["sla.v1-mediator-consumer"] {
			t.Errorf("%q in %s changes another group", c.to, c.path)
		}
	}
	if len(topologies.Folds()) != len(topologies.All) {
		t.Error(fmt.Sprint("fingerprints of ", len(topologies.Folds()), " groups"))
	}
}
