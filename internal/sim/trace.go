package sim

import (
	"fmt"
	"maps"
	"slices"

	"payerflow/internal/batching"
)

var actions = [...]string{"polls", "polls on", "begins", "folds", "drains", "ticks", "flushes", "commits", "aborts", "stores", "drops",
	"advances", "allows a rebalance", "gives back", "stops", "stops with an open transaction"}

func (p *processor) tellAction(act batching.Action, o batching.Outcome) {
	if p.s.log == nil {
		return
	}
	what := actions[act]
	if o.Records > 0 {
		what += fmt.Sprintf(" %d records", o.Records)
	}
	for _, said := range []struct {
		is   bool
		word string
	}{{o.Stale, "stale"}, {o.Due, "due"}, {o.Committed, "committed"}, {o.Again, "again"}, {o.Ended, "ended"}} {
		if said.is {
			what += ", " + said.word
		}
	}
	p.tell(what, o.Err)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func cloneOf(m map[place]int64) map[place]int64 { return maps.Clone(m) }
