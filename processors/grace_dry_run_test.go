package processors_test

import (
	"fmt"
	"reflect"
	"testing"

	"payerflow/processors"
	"payerflow/tables"
)

// Twelve members missed a premium on 31 January, of whom one paid in time; the
// last of their rows counts. With ten days of grace they are expired by 1 March.
func TestGraceTrial(t *testing.T) {
	short := tables.DefaultGracePolicy
	short.Effective, short.Days = day("2026-01-01"), 10
	trial := processors.GraceTrial{Before: processors.NewGracePolicies(nil, 0), After: processors.NewGracePolicies([]tables.GracePolicy{short}, 1), Day: day("2026-03-01")}
	unpaid := foldAll(t, tables.GracePeriods{}, invoiced("i", day("2026-01-31"), 100, nil))
	paid := foldAll(t, unpaid, moneyIn("p", "i", 100, day("2026-01-30")))
	for n := range 12 {
		trial.Try(fmt.Sprint("m", n), &unpaid)
	}
	trial.Try("m0", &paid)
	trial.Try("gone", &unpaid)
	trial.Try("gone", nil)
	want := processors.ComparedGraces{Day: trial.Day, Members: 12, Changed: 11, Ends: 11, Moves: []processors.GraceMove{{From: tables.GraceIn, To: tables.GraceExpired, Members: 11}}}
	if got := trial.Compare(false); !reflect.DeepEqual(got, want) {
		t.Errorf("found %+v\nwant %+v", got, want)
	}
	trial.Try("m1", &paid)
	want = processors.ComparedGraces{Day: trial.Day, Members: 12, Moves: []processors.GraceMove{}, Suppressed: true}
	if got := trial.Compare(false); !reflect.DeepEqual(got, want) {
		t.Errorf("of ten found %+v\nwant %+v", got, want)
	}
	if got := trial.Compare(true); got.Changed != 10 || got.Ends != 10 || got.Suppressed {
		t.Errorf("who may see all sees %+v", got)
	}
	if trial.Before.Hash() == trial.After.Hash() || trial.Before.Hash() != processors.NewGracePolicies(nil, 9).Hash() {
		t.Error("the hash is not of the policies")
	}
}
