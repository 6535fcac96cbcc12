package processors_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

var servedClaims = topology.Served{View: topology.View{Name: "claim-status", Key: "claimId"}, Row: reflect.TypeFor[tables.ClaimStatus]()}

func rowLanguage(t testing.TB) *processors.RowLanguage {
	t.Helper()
	l, err := processors.NewRowLanguage(servedClaims.Row)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestNoSmallGroupIsTold: whatever the rows, a reader without the class learns
// of no group of fewer than 11 people, neither by itself nor as what the total
// leaves; a reader with it learns all.
func TestNoSmallGroupIsTold(t *testing.T) {
	l := rowLanguage(t)
	rules := processors.NewRules(nil, make([]byte, 32))
	some, all := rules.RowMask(servedClaims, nil), rules.WholeRows(servedClaims)
	rapid.Check(t, func(t *rapid.T) {
		var rows []tables.ClaimStatus
		people, counts := map[string]map[events.ID]bool{}, map[string]int64{}
		for g := range rapid.IntRange(0, 6).Draw(t, "groups") {
			for range rapid.SampledFrom([]int{1, 2, 5, 9, 10, 11, 12, 30}).Draw(t, "rows") {
				code := fmt.Sprint("code-", g)
				m := events.ID(fmt.Sprint(g, "-", rapid.IntRange(0, 20).Draw(t, "member")))
				rows = append(rows, tables.ClaimStatus{MemberID: m, DenialCode: &code})
				name, _ := json.Marshal(code)
				if people[string(name)] == nil {
					people[string(name)] = map[events.ID]bool{}
				}
				people[string(name)][m] = true
				counts[string(name)]++
			}
		}
		for _, mask := range []*processors.RowMask{some, all} {
			a, faults := l.Aggregate(mask, processors.RowAggregation{By: "denialCode", Sum: "billed"})
			if faults != nil {
				t.Fatal(faults)
			}
			for _, r := range rows {
				if err := a.Add(r); err != nil {
					t.Fatal(err)
				}
			}
			groups, total := a.Result()
			told, left, hidden := 0, map[events.ID]bool{}, 0
			remaining := map[string]bool{}
			for name := range people {
				remaining[name] = true
			}
			for _, g := range groups {
				if g.Suppressed {
					if hidden++; mask == all || g.Name != nil {
						t.Fatalf("suppressed for all %v, name %s", mask == all, g.Name)
					}
					continue
				}
				told++
				delete(remaining, string(g.Name))
				if g.Count != counts[string(g.Name)] || mask == some && len(people[string(g.Name)]) < processors.MinCell {
					t.Fatalf("%s: %d of %d people", g.Name, g.Count, len(people[string(g.Name)]))
				}
			}
			for name := range remaining {
				for m := range people[name] {
					left[m] = true
				}
			}
			if told+hidden != len(people) || !total.Suppressed && (hidden == 1 || hidden > 0 && len(left) < processors.MinCell) {
				t.Fatalf("%d told, %d hidden, total suppressed %v, %d people left", told, hidden, total.Suppressed, len(left))
			}
		}
	})
}

func TestWhatCanBeAggregated(t *testing.T) {
	l := rowLanguage(t)
	rules := processors.NewRules(nil, make([]byte, 32))
	for _, c := range []struct {
		a       processors.RowAggregation
		classes []string
		want    string // code and place of the first fault
	}{
		{processors.RowAggregation{By: "denialCode", Sum: "paid"}, nil, ""},
		{processors.RowAggregation{By: "planId", Where: `row.claimType == "DENTAL"`}, nil, ""},
		{processors.RowAggregation{By: "memberId"}, nil, "NOT_VISIBLE query.by"},
		{processors.RowAggregation{By: "claimId"}, nil, "NOT_VISIBLE query.by"},
		{processors.RowAggregation{By: "denialText"}, nil, "NOT_VISIBLE query.by"},
		{processors.RowAggregation{By: "denialCode", Where: `row.claimType == "DENTAL"`}, nil, "NOT_VISIBLE query.where"},
		{processors.RowAggregation{By: "planId", Sum: "paid", Where: `row.claimType == "DENTAL"`}, nil, "NOT_VISIBLE query.where"},
		{processors.RowAggregation{Where: `row.paid > 1.0`}, nil, "NOT_VISIBLE query.where"},
		{processors.RowAggregation{Max: "paid"}, nil, "NOT_VISIBLE query.max"},
		{processors.RowAggregation{Min: "serviceDate"}, nil, "NOT_VISIBLE query.min"},
		{processors.RowAggregation{Max: "paid", Min: "serviceDate", By: "memberId", Where: `row.status == "DENIED"`}, []string{"PHI", "BANK"}, ""},
		{processors.RowAggregation{Max: "statusAt"}, nil, ""},
		{processors.RowAggregation{By: "nothing"}, nil, "UNKNOWN_FIELD query.by"},
		{processors.RowAggregation{By: "history"}, nil, "UNKNOWN_FIELD query.by"},
		{processors.RowAggregation{Sum: "history.paid"}, nil, "UNKNOWN_FIELD query.sum"},
		{processors.RowAggregation{Sum: "status"}, []string{"PHI"}, "INVALID_VALUE query.sum"},
		{processors.RowAggregation{Sum: "statusAt"}, nil, "INVALID_VALUE query.sum"},
		{processors.RowAggregation{Max: "claimType"}, nil, "INVALID_VALUE query.max"},
	} {
		may := map[string]bool{}
		for _, class := range c.classes {
			may[class] = true
		}
		_, faults := l.Aggregate(rules.RowMask(servedClaims, may), c.a)
		got := ""
		if len(faults) > 0 {
			got = faults[0].ReasonCode + " " + faults[0].At
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.a, got, c.want)
		}
	}
}
