package processors

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func letter(t testing.TB, payload string) DeadLetterFacts {
	t.Helper()
	d := DeadLetterFacts{Place: Place{2, 7}, Reason: "BAD_AVRO", At: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC), Key: "c1",
		Metadata: map[string]any{"reasonCode": "BAD_AVRO", "retryCount": int64(3)}, Headers: map[string]string{"ce_id": "e1"}}
	if err := json.Unmarshal([]byte(payload), &d.Payload); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDeadLettersAreChosen(t *testing.T) {
	d := letter(t, `{"claimId":"c1","amount":12.5,"lines":[{"code":"A"},{"code":"B"}]}`)
	noon := d.At
	for _, c := range []struct {
		f    DeadLetterFilter
		want bool
	}{
		{DeadLetterFilter{}, true},
		{DeadLetterFilter{Where: `payload.claimId == key && dlq.retryCount > 2 && headers["ce_id"] == "e1"`}, true},
		{DeadLetterFilter{Where: `payload.lines.exists(l, l.code == "B") && payload.amount > 12.0`}, true},
		{DeadLetterFilter{Where: `payload.claimId == "c2"`}, false},
		{DeadLetterFilter{Where: `payload.absent == 1`}, false},
		{DeadLetterFilter{Where: `payload.claimId`}, false},
		{DeadLetterFilter{Reasons: []string{"BAD_AVRO", "X"}}, true},
		{DeadLetterFilter{Reasons: []string{"X"}}, false},
		{DeadLetterFilter{From: noon, To: noon.Add(1)}, true},
		{DeadLetterFilter{From: noon.Add(1)}, false},
		{DeadLetterFilter{To: noon}, false},
		{DeadLetterFilter{At: []Place{{2, 7}}}, true},
		{DeadLetterFilter{At: []Place{{2, 8}, {7, 2}}}, false},
		{DeadLetterFilter{Reasons: []string{"BAD_AVRO"}, Where: `false`}, false},
	} {
		choice, err := c.f.Choice()
		if err != nil {
			t.Fatalf("%+v: %v", c.f, err)
		}
		if got, err := choice.Takes(t.Context(), d); got != c.want || err != nil {
			t.Errorf("%+v: %v, %v", c.f, got, err)
		}
	}
}

func TestExpressionsThatFailAreCounted(t *testing.T) {
	choice, err := DeadLetterFilter{Where: `payload.claimId == "c1"`}.Choice()
	if err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{`{"claimId":"c1"}`, `{}`, `null`} {
		if _, err := choice.Takes(t.Context(), letter(t, payload)); err != nil {
			t.Fatal(err)
		}
	}
	if choice.Unjudged != 2 {
		t.Errorf("%d unjudged, want 2", choice.Unjudged)
	}
}

func TestExpressionsThatAreNotLegal(t *testing.T) {
	for name, where := range map[string]string{
		"no bool": `1 + 1`, "unknown": `secret == 1`, "syntax": `payload.`, "long": strings.Repeat(" ", maxFilterLength) + "true",
		"deep": strings.Repeat("(", 1000) + "true" + strings.Repeat(")", 1000),
	} {
		if _, err := (DeadLetterFilter{Where: where}).Choice(); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// Without bounds on cost the first of these runs for hours.
func TestExpressionsThatCostTooMuchEndTheRun(t *testing.T) {
	var lines []string
	for range 2000 {
		lines = append(lines, `{"code":"`+strings.Repeat("a", 40)+`"}`)
	}
	d := letter(t, `{"lines":[`+strings.Join(lines, ",")+`]}`)
	for name, where := range map[string]string{
		"loops":   `payload.lines.all(a, payload.lines.all(b, payload.lines.all(c, payload.lines.all(d, a.code + b.code != c.code))))`,
		"regexes": `payload.lines.all(a, payload.lines.all(b, !a.code.matches("(a*)*(a*)*(a*)*(a*)*b")))`,
		"growth":  `payload.lines.map(a, payload.lines.map(b, payload.lines.map(c, a.code + b.code + c.code))).size() > 0`,
	} {
		choice, err := DeadLetterFilter{Where: where}.Choice()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := choice.Takes(t.Context(), d); !errors.Is(err, ErrFilterCost) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s took %s", name, took)
		}
	}
}

func FuzzDeadLetterFilter(f *testing.F) {
	for _, s := range []string{`payload.a == 1`, `dlq.reasonCode in ["A"]`, `headers.exists(h, h.matches("^x"))`, `payload`, `{`} {
		f.Add(s, `{"a":[1,"x",null]}`)
	}
	f.Fuzz(func(t *testing.T, where, payload string) {
		var v any
		if json.Unmarshal([]byte(payload), &v) != nil {
			return
		}
		choice, err := DeadLetterFilter{Where: where}.Choice()
		if err != nil {
			return
		}
		began := time.Now()
		if _, err := choice.Takes(t.Context(), DeadLetterFacts{Payload: v}); err != nil && !errors.Is(err, ErrFilterCost) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("took %s", took)
		}
	})
}
