package consume

import "testing"

func TestNoTeamTakesAllPlaces(t *testing.T) {
	p := places{all: 4, each: 2}
	for i, step := range []struct {
		team string
		want bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"b", true}, {"c", false}} {
		if got := p.take(step.team); got != step.want {
			t.Errorf("%d: a place for %s: %v", i, step.team, got)
		}
	}
	p.leave("a")
	if !p.take("c") || p.take("a") || len(p.byTeam) != 3 {
		t.Errorf("after one left: %+v", p.byTeam)
	}
}
