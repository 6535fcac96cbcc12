package engine

import (
	"errors"
	"fmt"
	"sort"
	"time"

	"payerflow/internal/topology"
)

// Views are the declared views, in name order.
func (e *Engine) Views() (vs []topology.Served) {
	var groups []topology.Declared
	for _, g := range e.groups {
		groups = append(groups, g.Declared)
	}
	for _, g := range e.groups {
		if g.View.Name != "" {
			vs = append(vs, topology.Served{View: g.View, Row: g.RowType, EventTypes: topology.SourceTypes(groups, g.Name),
				Table: g.Table.Name, Partitions: g.Table.Partitions})
		}
	}
	sort.Slice(vs, func(i, j int) bool { return vs[i].Name < vs[j].Name })
	return vs
}

// inputs are the input partitions that feed a partition of the table.
func (g *group) inputs(partition int32) []topicPartition {
	out := make([]topicPartition, len(g.reads))
	for i, topic := range g.reads {
		out[i] = topicPartition{topic, partition}
	}
	return out
}

// freshness returns the positions of a partition and whether it is stale: its
// inputs, or what this worker repartitions, were last seen at their end longer
// ago than the freshness bound, or never.
func (g *group) freshness(partition int32) (at []topology.Position, stale bool) {
	now, bound := time.Now(), g.e.cfg.Freshness
	inputs := g.inputs(partition)
	at = g.positionsOf(inputs)
	age, ok := g.folding.positions.since(now, inputs)
	stale = !ok || age > bound
	for _, f := range g.feeding {
		mine, _ := f.positions.assigned()
		age, ok := f.positions.since(now, mine)
		stale = stale || !ok || age > bound
	}
	return at, stale
}

// Ready returns nil when every partition of every group that is assigned here
// is restored and fresh, and says what is missing otherwise.
func (e *Engine) Ready() error {
	var errs []error
	if e.cfg.Follows {
		return e.followsAll()
	}
	for _, g := range e.groups {
		assigned, running := g.folding.positions.assigned()
		if !running {
			errs = append(errs, fmt.Errorf("group %s: waiting for partitions, or restoring them", g.Name))
			for _, line := range g.folding.restores.progress() {
				errs = append(errs, fmt.Errorf("group %s: %s", g.Name, line))
			}
			continue
		}
		seen := map[int32]bool{}
		for _, at := range assigned {
			if seen[at.partition] {
				continue
			}
			seen[at.partition] = true
			if _, stale := g.freshness(at.partition); stale {
				errs = append(errs, fmt.Errorf("group %s: partition %d is behind its inputs", g.Name, at.partition))
			}
		}
	}
	return errors.Join(errs...)
}

// followsAll returns nil when every copy is known to be fresh.
func (e *Engine) followsAll() error {
	var errs []error
	for _, g := range e.followedViews() {
		for p := range int32(g.Table.Partitions) {
			if k, ok := g.copies.of(p); !ok || time.Since(k.at) > e.cfg.Freshness {
				errs = append(errs, fmt.Errorf("view %s: partition %d is not fresh", g.View.Name, p))
			}
		}
	}
	return errors.Join(errs...)
}
