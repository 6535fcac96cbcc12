package processors_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// shapes is a row with a field of each form that rows have.
type shapes struct {
	ID     events.ID            `json:"id" class:"PHI"`
	Plan   string               `json:"plan" class:"PUBLIC"`
	Amount *events.Money        `json:"amount,omitempty" class:"PHI"`
	Both   string               `json:"both,omitempty" class:"PHI,BANK"`
	Day    *events.Date         `json:"day,omitempty" class:"PII"`
	At     events.Instant       `json:"at" class:"PUBLIC"`
	Count  int64                `json:"count" class:"BANK"`
	Flag   bool                 `json:"flag" class:"PII"`
	Silent string               `json:"silent"`
	Marks  []string             `json:"marks" class:"PHI"`
	Names  map[string]string    `json:"names" class:"BANK"`
	Named  map[string]shapePart `json:"named" class:"PUBLIC"`
	Loose  map[string]shapePart `json:"loose"`
	Part   shapePart            `json:"part"`
	Maybe  *shapePart           `json:"maybe,omitempty"`
	Parts  []shapePart          `json:"parts"`
	Gated  []shapePart          `json:"gated" class:"BANK"`
	Own    string               `json:"own" class:"ROW"`
	own    []string
}

type shapePart struct {
	Account events.ID `json:"account" class:"BANK"`
	Note    string    `json:"note,omitempty" class:"PII"`
	Kind    string    `json:"kind" class:"PUBLIC"`
}

func (shapes) Because() topology.Because { return topology.Because{} }
func (shapes) LatestEventAt() time.Time  { return time.Time{} }
func (s shapes) RowClasses() []string    { return s.own }

func part(t *rapid.T, n *int) shapePart {
	return shapePart{events.ID(canary(t, "BANK", n)), canary(t, "PII", n), "kind"}
}

// canary is a value that tells its classes.
func canary(t *rapid.T, class string, n *int) string {
	if *n++; rapid.Float64().Draw(t, "empty") < 0.1 {
		return ""
	}
	return fmt.Sprintf("<%s>%d é\"", class, *n)
}

func madeRow(t *rapid.T) shapes {
	n := 0
	parts := func() (out []shapePart) {
		for range rapid.IntRange(0, 3).Draw(t, "parts") {
			out = append(out, part(t, &n))
		}
		return out
	}
	s := shapes{ID: events.ID(canary(t, "PHI", &n)), Plan: "plan", Both: canary(t, "BANK", &n) + canary(t, "PHI", &n), Count: 770077, Flag: true,
		Silent: canary(t, "none", &n), Marks: []string{canary(t, "PHI", &n)}, Names: map[string]string{canary(t, "BANK", &n): canary(t, "BANK", &n)},
		Named: map[string]shapePart{"shown": part(t, &n)}, Loose: map[string]shapePart{canary(t, "none", &n): part(t, &n)},
		Part: part(t, &n), Parts: parts(), Gated: parts(), Own: canary(t, "OWN", &n)}
	if rapid.Bool().Draw(t, "set") {
		m, d, p := events.Money(990099), events.Date(20000), part(t, &n)
		s.Amount, s.Day, s.Maybe = &m, &d, &p
	}
	s.own = rapid.SampledFrom([][]string{nil, {}, {"OWN", "PHI"}, {"OWN"}}).Draw(t, "own")
	return s
}

var servedShapes = topology.Served{View: topology.View{Name: "shapes", Key: "id"}, Row: reflect.TypeFor[shapes]()}

// TestRowsShowNoMoreThanTheirClasses: whatever a row holds and a reader may
// see, nothing of another class leaves; what is shown is as it was.
func TestRowsShowNoMoreThanTheirClasses(t *testing.T) {
	rules := processors.NewRules(nil, []byte(strings.Repeat("s", 32)))
	rapid.Check(t, func(t *rapid.T) {
		row := madeRow(t)
		may := map[string]bool{}
		for _, c := range []string{"PHI", "PII", "BANK", "OWN"} {
			may[c] = rapid.Bool().Draw(t, c)
		}
		shown, err := rules.RowMask(servedShapes, may).Show(string(row.ID), row)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range append(slices.Sorted(maps.Keys(may)), "none") {
			if !may[c] && strings.Contains(string(text), `\u003c`+c+`\u003e`) {
				t.Fatalf("%s is not withheld: %s", c, text)
			}
		}
		for class, secret := range map[string]string{"PHI": "9900.99", "BANK": "770077", "PII": "2024-10-04"} {
			if strings.Contains(string(text), secret) && !may[class] {
				t.Fatalf("%s is not withheld: %s", class, text)
			}
		}
		asItIs(t, row, shown, may)
	})
}

// asItIs holds what is shown to what the row says, and every field to being there.
func asItIs(t *rapid.T, row shapes, shown processors.Shown, may map[string]bool) {
	var got, want map[string]any
	b, _ := json.Marshal(shown.Value)
	_ = json.Unmarshal(b, &got)
	b, _ = json.Marshal(row)
	_ = json.Unmarshal(b, &want)
	for name, class := range map[string]string{"id": "PHI", "day": "PII", "names": "BANK", "amount": "PHI", "marks": "PHI", "count": "BANK"} {
		if may[class] && !reflect.DeepEqual(got[name], want[name]) || !may[class] && got[name] != events.Redacted {
			t.Fatalf("%s is %v", name, got[name])
		}
	}
	own := len(row.own) > 0 && !slices.ContainsFunc(row.own, func(c string) bool { return !may[c] })
	if (got["own"] == row.Own) != own && row.Own != events.Redacted || got["plan"] != "plan" || got["silent"] != events.Redacted || got["loose"] != events.Redacted {
		t.Fatalf("own %v of %v, %v", got["own"], row.own, got)
	}
	if (shown.Key == string(row.ID)) != may["PHI"] {
		t.Fatalf("key %s", shown.Key)
	}
	if !slices.Contains(shown.Withheld, processors.Unclassified) || slices.Contains(shown.Withheld, "PHI") == may["PHI"] {
		t.Fatalf("withheld %v", shown.Withheld)
	}
}

// TestWhoSeesAllSeesTheRowItself: nothing is written anew, and nothing differs.
func TestWhoSeesAllSeesTheRowItself(t *testing.T) {
	v := topology.Served{View: topology.View{Name: "claim-status", Key: "claimId"}, Row: reflect.TypeFor[tables.ClaimStatus]()}
	row := tables.ClaimStatus{ClaimID: "c", Marks: []string{}, History: []tables.ClaimFact{{ID: "e"}}}
	rules := processors.NewRules(nil, nil)
	for _, m := range []*processors.RowMask{rules.WholeRows(v), rules.RowMask(v, map[string]bool{"PHI": true, "BANK": true})} {
		shown, err := m.Show("c", row)
		if err != nil || !reflect.DeepEqual(shown.Value, row) || shown.Key != "c" || len(shown.Withheld) > 0 || !m.SeesAll() {
			t.Errorf("%+v %v", shown, err)
		}
	}
}

// TestAClassCountsForAViewWhereItIsSeenInAllThatGoesIn reads permissions for
// some event types alone.
func TestAClassCountsForAViewWhereItIsSeenInAllThatGoesIn(t *testing.T) {
	types := []string{"CLAIM_PAID", "CLAIM_SUBMITTED"}
	for _, c := range []struct {
		granted []tables.Permission
		app     string
		want    string
	}{
		{nil, "", "[]"},
		{[]tables.Permission{{Team: "care", Class: "PHI"}}, "", "[PHI]"},
		{[]tables.Permission{{Team: "care", Class: "PHI", EventTypes: []string{"CLAIM_PAID"}}}, "", "[]"},
		{[]tables.Permission{{Team: "care", Class: "PHI", EventTypes: []string{"CLAIM_*"}}}, "", "[PHI]"},
		{[]tables.Permission{{Team: "care", Application: "desk", Class: "PHI"}}, "", "[]"},
		{[]tables.Permission{{Team: "care", Application: "desk", Class: "PHI"}}, "desk", "[PHI]"},
		{[]tables.Permission{{Team: "other", Class: "PHI"}}, "", "[]"},
	} {
		rules := processors.NewRules(nil, nil)
		for _, p := range c.granted {
			rules = taken(t, rules, put(tables.KindPermission, p.ID(), 1, p))
		}
		if got := fmt.Sprint(slices.Sorted(maps.Keys(rules.RowClasses("care", c.app, types)))); got != c.want {
			t.Errorf("%+v: %s", c.granted, got)
		}
	}
}

func BenchmarkRowMask(b *testing.B) {
	v := topology.Served{View: topology.View{Name: "claim-status", Key: "claimId"}, Row: reflect.TypeFor[tables.ClaimStatus]()}
	billed := events.Money(12345)
	row := tables.ClaimStatus{ClaimID: "c", MemberID: "m", Billed: &billed, Marks: []string{}, History: make([]tables.ClaimFact, 4)}
	rules := processors.NewRules(nil, []byte(strings.Repeat("s", 32)))
	for name, m := range map[string]*processors.RowMask{"whole": rules.WholeRows(v), "some": rules.RowMask(v, map[string]bool{"PHI": true}), "public": rules.RowMask(v, nil)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				shown, err := m.Show("c", row)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := json.Marshal(shown); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
