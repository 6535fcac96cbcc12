// This file answers: how would members stand, were other grace policies in
// force?

package processors

import (
	"cmp"
	"slices"

	"payerflow/events"
	"payerflow/tables"
)

// GraceTrial compares what two sets of grace policies make of rows. It changes
// none and says nothing.
type GraceTrial struct {
	Before, After GracePolicies
	Day           events.Date // on which members are looked at
	stands        map[string]graceMove
}

// graceMove is how a member stands on the day, before and after.
type graceMove struct {
	from, to string
	end      bool // the last day of a grace period is another
}

// Try looks at the newest state of a row; nil is one that is gone.
func (g *GraceTrial) Try(key string, row *tables.GracePeriods) {
	if g.stands == nil {
		g.stands = map[string]graceMove{}
	}
	if row == nil {
		delete(g.stands, key)
		return
	}
	before, after := settleGrace(copyOfGrace(*row), g.Before), settleGrace(copyOfGrace(*row), g.After)
	g.stands[key] = graceMove{before.StatusOn(g.Day), after.StatusOn(g.Day), !slices.EqualFunc(before.Graces, after.Graces, sameGrace)}
}

func sameGrace(a, b tables.Grace) bool { return a.From == b.From && a.Through == b.Through }

// ComparedGraces is what a dry run of grace policies found.
type ComparedGraces struct {
	Day        events.Date `json:"day" doc:"On which members are looked at"`
	Members    int         `json:"members" doc:"Members with premiums"`
	Changed    int         `json:"changed" doc:"Members who would stand otherwise on that day"`
	Ends       int         `json:"ends" doc:"Members of whom a grace period would begin or end on another day"`
	Moves      []GraceMove `json:"moves" doc:"The members who would stand otherwise"`
	Suppressed bool        `json:"suppressed,omitempty" doc:"Groups of fewer than 11 are left out, and counted as none: the token's team may not see PHI"`
}

// GraceMove counts members who would stand otherwise.
type GraceMove struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Members int    `json:"members"`
}

// Compare sums up. Without all, counts of small groups are left out.
func (g *GraceTrial) Compare(all bool) ComparedGraces {
	out := ComparedGraces{Day: g.Day, Moves: []GraceMove{}}
	counts := map[[2]string]int{}
	for _, m := range g.stands {
		out.Members++
		if m.end {
			out.Ends++
		}
		if m.from != m.to {
			counts[[2]string{m.from, m.to}]++
		}
	}
	seen := func(n int) int {
		if n > 0 && n < MinCell && !all {
			out.Suppressed = true
			return 0
		}
		return n
	}
	for move, n := range counts {
		if n = seen(n); n > 0 {
			out.Changed += n
			out.Moves = append(out.Moves, GraceMove{move[0], move[1], n})
		}
	}
	out.Members, out.Ends = seen(out.Members), seen(out.Ends)
	slices.SortFunc(out.Moves, func(a, b GraceMove) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	return out
}
