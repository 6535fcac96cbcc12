package sim

import (
	"math/rand/v2"
	"time"

	"payerflow/internal/topology"
)

// world is what is simulated: groups, what comes to them, and what must come of
// it.
type world struct {
	groups []topology.Declared
	topics []topology.Topic               // beside those of the groups
	bind   func(s *Sim) []*topology.Bound // for one process
	pins   map[string]func() topology.Pinned
	inputs []topology.Raw // in the order in which they come
	until  time.Time      // every deadline is over then
	steps  int            // of chaos
	check  func(s *Sim) []string
}

// worldOf is the world of a seed: one in twenty is that of claims, whose runs
// take longest.
func worldOf(seed uint64, r *rand.Rand) *world {
	if seed%20 == 0 {
		return claims(r)
	}
	return tallies(r)
}

func bind(groups []topology.Declared, s topology.Schemas) (all []*topology.Bound) {
	for _, d := range groups {
		b, err := topology.Bind(d, s)
		if err != nil {
			panic(err) // what is declared here does not bind
		}
		all = append(all, b)
	}
	return all
}
