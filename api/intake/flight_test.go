package intake

import (
	"testing"

	"payerflow/api/access"
)

func TestNoTeamShutsOutAllOthers(t *testing.T) {
	f := newFlight(4, 100)
	enter := func(team string) *stay { return f.enter(access.With(t.Context(), access.Principal{Team: team})) }
	first, second := enter("a"), enter("a")
	if first == nil || second == nil || enter("a") != nil {
		t.Fatal("a team has not half of the requests")
	}
	if !first.hold(50) || second.hold(1) {
		t.Error("a team has not half of the bytes")
	}
	other := enter("b")
	if other == nil || !other.hold(50) || other.hold(51) {
		t.Error("another team is shut out")
	}
	for _, s := range []*stay{first, second, other} {
		s.leave()
	}
	if len(f.byTeam) != 0 || f.all != (load{}) {
		t.Errorf("%+v is left", f.all)
	}
}
