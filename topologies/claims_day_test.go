package topologies_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"payerflow/topologies"
)

const (
	claimsDay       = "../testdata/events/claims-day.ndjson"
	claimsDayGolden = "../testdata/events/claims-day.golden.json"
)

// decodeNumbers reads JSON without making numbers of 64 bits inexact.
func decodeNumbers(r io.Reader) (v any, err error) {
	d := json.NewDecoder(r)
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// dayInputs are the lines of the day as inputs of a scenario, all read on the
// first of June.
func dayInputs(t *testing.T) (inputs []string) {
	t.Helper()
	file, err := os.Open(claimsDay)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var head struct{ EventType, ClaimID string }
		if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
			t.Fatal(err)
		}
		topic, ok := topologies.TopicFor(head.EventType)
		if !ok {
			t.Fatalf("no topic carries %s", head.EventType)
		}
		inputs = append(inputs, fmt.Sprintf("> 2026-06-01T00:00:00Z %s %s %s", topic.Name, head.ClaimID, lines.Text()))
	}
	return inputs
}

func playDay(t *testing.T, inputs []string) map[string]string {
	t.Helper()
	s := newStage(t)
	for _, line := range inputs {
		s.pipe(s.parse(line))
	}
	for _, w := range s.driver.Took() {
		if w.Parked != nil {
			t.Errorf("parked: %+v", *w.Parked)
		}
	}
	if len(s.failed) > 0 {
		t.Errorf("failed: %v", s.failed)
	}
	return s.rowsOf(topologies.ClaimStatus.Declare())
}

// The day of claims gives the rows of the golden file, in order of claimId.
// UPDATE=1 writes it anew.
func TestClaimsDay(t *testing.T) {
	inputs := dayInputs(t)
	rows := playDay(t, inputs)
	var b bytes.Buffer
	b.WriteString("[")
	for i, id := range slices.Sorted(maps.Keys(rows)) {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(rows[id])
	}
	b.WriteString("]")
	var got bytes.Buffer
	if err := json.Indent(&got, b.Bytes(), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteString("\n")
	if os.Getenv("UPDATE") == "1" && !t.Failed() {
		if err := os.WriteFile(claimsDayGolden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(claimsDayGolden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the rows are not those of %s; UPDATE=1 writes them\n%s", claimsDayGolden, firstDifference(got.String(), string(want)))
	}
	if len(rows) != 40 || len(inputs) != 153 {
		t.Errorf("%d rows of %d lines, the day has 40 claims in 153 lines", len(rows), len(inputs))
	}
	random := rand.New(rand.NewPCG(4, 7))
	for range 3 {
		random.Shuffle(len(inputs), func(i, j int) { inputs[i], inputs[j] = inputs[j], inputs[i] })
		if !maps.Equal(playDay(t, inputs), rows) {
			t.Error("another order gives other rows")
		}
	}
	slices.Sort(inputs)
	if !maps.Equal(playDay(t, append(slices.Clone(inputs), inputs...)), rows) {
		t.Error("the day twice gives other rows")
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d: %s, want %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// Rows of the day say nothing about when the test ran.
func TestClaimsDayDoesNotDependOnTheClock(t *testing.T) {
	inputs := dayInputs(t)
	rows := playDay(t, inputs)
	for i, line := range inputs {
		inputs[i] = strings.Replace(line, "> 2026-06-01T00:00:00Z", "> "+time.Date(2031, 1, 2, 3, 4, 5, i, time.UTC).Format(time.RFC3339Nano), 1)
	}
	if !maps.Equal(playDay(t, inputs), rows) {
		t.Error("another clock gives other rows")
	}
}
