package engine

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"payerflow/internal/versions"
)

// owed is a bound that no batch is larger than: what a batch was too large is
// waited for before the next one.
const owed = 1 << 20

// takeTime waits, before a quiet version reads on, until it may: it can be
// paused, or bound to a number of records a second. records are those of the
// batch before.
func (s *session) takeTime(ctx context.Context, records int) {
	g := s.rt.p.g
	if g.View.Name == "" {
		return
	}
	of := func(state *versions.State) versions.Version {
		if line := state.Line(g.View.Name); line != nil && line.Live != g.Name {
			return line.Versions[g.Name]
		}
		return versions.Version{}
	}
	now := g.e.versions.now()
	if !of(now).Paused && of(now).Rate == 0 {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	g.e.versions.wait(ctx, func(state *versions.State) bool { return !of(state).Paused })
	bound := of(g.e.versions.now()).Rate
	if bound == 0 {
		return
	}
	if s.bound == nil {
		s.bound = rate.NewLimiter(rate.Limit(bound), owed)
		s.bound.AllowN(time.Now(), owed) // begins with nothing saved
	}
	s.bound.SetLimit(rate.Limit(bound))
	if r := s.bound.ReserveN(time.Now(), min(records, owed)); r.OK() {
		pause(ctx, r.Delay())
	}
}
