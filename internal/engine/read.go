package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"payerflow/internal/topology"
)

// Views are the declared views, in name order, each in its live version.
func (e *Engine) Views() (vs []topology.Served) {
	for name := range e.byView {
		if v, ok := e.Served(name); ok {
			vs = append(vs, v)
		}
	}
	sort.Slice(vs, func(i, j int) bool { return vs[i].Name < vs[j].Name })
	return vs
}

// unknownTable is the incarnation of a table that the brokers have not told of
// yet: none answers for it, so that no version answers in place of another.
const unknownTable = "unknown"

// Served is a view in its live version. It waits for a switch that is about to
// be decided.
func (e *Engine) Served(view string) (topology.Served, bool) {
	if all := e.byView[view]; len(all) == 1 && e.versions.now().Line(view) == nil {
		return all[0].serves, true
	}
	ctx, cancel := context.WithTimeout(context.Background(), heldReads)
	defer cancel()
	_, _, _ = e.versions.turn(view).read(ctx) // who asks for rows then is told
	g, ok := e.view(view)
	if !ok {
		return topology.Served{}, false
	}
	v := g.serves
	v.Version, v.Incarnation = g.Name, cmp.Or(g.incarnation(), unknownTable)
	return v, true
}

// inputs are the input partitions that feed a partition of the table.
func (g *group) inputs(partition int32) []topicPartition {
	if int(partition) >= len(g.fed) { // topics that have more than is declared
		return feed(g.reads, partition)
	}
	return g.fed[partition]
}

func feed(topics []string, partition int32) []topicPartition {
	out := make([]topicPartition, len(topics))
	for i, topic := range topics {
		out[i] = topicPartition{topic, partition}
	}
	return out
}

// freshness returns how long ago the inputs of a partition were last seen at
// their end, -1 where they never were, and whether it is stale: that, or the same
// of what this worker repartitions, is above the freshness bound or not known.
func (g *group) freshness(partition int32) (age time.Duration, stale bool) {
	now, bound := time.Now(), g.e.cfg.Freshness
	age, ok := g.folding.positions.since(now, g.inputs(partition))
	if !ok {
		age = -1
	}
	stale = !ok || age > bound
	for _, f := range g.feeding {
		age, ok := f.positions.sinceAll(now)
		stale = stale || !ok || age > bound
	}
	return age, stale
}

// Ready returns nil when every partition of every group that is assigned here
// is restored and fresh, and says what is missing otherwise.
func (e *Engine) Ready() error {
	var errs []error
	if e.cfg.Follows {
		return e.followsAll()
	}
	select {
	case <-e.versions.ready:
	default:
		return errors.New("which versions of views are live is not known yet")
	}
	state := e.versions.now()
	for _, g := range e.groups {
		if !state.Live(g.View.Name, g.Name, g.Shadows) {
			continue
		}
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
