package engine

import (
	"errors"
	"fmt"
	"sort"
	"time"

	"payerflow/internal/rowlog"
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
			vs = append(vs, topology.Served{View: g.View, Row: g.RowType, EventTypes: topology.SourceTypes(groups, g.Name)})
		}
	}
	sort.Slice(vs, func(i, j int) bool { return vs[i].Name < vs[j].Name })
	return vs
}

// Get reads the row of a key. It fails with topology.ErrNoView, topology.ErrNotFound,
// topology.ErrRestoring or a NotOwnedError.
func (e *Engine) Get(view, key string, synthetic bool) (topology.Answer, error) {
	g, ok := e.views[view]
	if !ok {
		return topology.Answer{}, topology.ErrNoView
	}
	partition := g.partitionOf(key)
	st, err := g.readable(partition)
	if err != nil {
		return topology.Answer{}, err
	}
	at, stale := g.freshness(partition)
	b, err := st.Get(topology.RowKey(key, synthetic))
	if err != nil {
		return topology.Answer{}, err
	}
	if b == nil {
		return topology.Answer{}, topology.ErrNotFound
	}
	row, err := g.decodeRow(b)
	if err != nil {
		return topology.Answer{}, err
	}
	return g.answer(key, row, at, stale), nil
}

// answer is a row with the engine's account of it.
func (g *group) answer(key string, row any, at []topology.Position, stale bool) topology.Answer {
	a := topology.Answer{Key: key, Row: row.(topology.Row), Positions: at, Stale: stale}
	if g.View.Lists {
		key, suffix := topology.SplitUnder(key)
		a.Key, a.ID = key, topology.IDOf(suffix)
	}
	return a
}

// partitionOf is where the row of a key is.
func (g *group) partitionOf(key string) int32 {
	if g.View.Lists {
		key, _ = topology.SplitUnder(key)
	}
	return topology.Partition([]byte(key), g.Table.Partitions)
}

func (g *group) readable(partition int32) (*store, error) {
	st := g.e.state.opened(g.Table.Name, partition)
	if st == nil {
		if _, running := g.folding.positions.assigned(); !running {
			return nil, topology.ErrRestoring // between two sessions
		}
		return nil, &topology.NotOwnedError{Partition: partition}
	}
	if st.standby {
		return nil, &topology.NotOwnedError{Partition: partition}
	}
	if !st.recovered.Load() {
		return nil, topology.ErrRestoring
	}
	return st, nil
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
	at = make([]topology.Position, 0, len(inputs))
	for _, in := range inputs {
		at = append(at, topology.Position{Topic: in.topic, Partition: in.partition, Offset: g.folding.positions.get(in)})
	}
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

// List reads up to limit rows from a place on. Only partitions that are
// assigned here are listed. Rows that are written meanwhile may or may not
// appear; no row appears twice.
func (e *Engine) List(view string, from topology.Place, limit int, synthetic bool) (topology.Page, error) {
	g, ok := e.views[view]
	if !ok {
		return topology.Page{}, topology.ErrNoView
	}
	var page topology.Page
	restoring := 0
	for p := from.Partition; p < int32(g.Table.Partitions); p++ {
		st, err := g.readable(p)
		if err != nil {
			if errors.Is(err, topology.ErrRestoring) {
				restoring++
			}
			continue
		}
		start := topology.Place{Partition: p}
		if p == from.Partition {
			start = from
		}
		done, err := g.listPartition(st, start, limit, synthetic, &page)
		if err != nil || done {
			return page, err
		}
	}
	if restoring > 0 {
		return topology.Page{}, topology.ErrRestoring
	}
	return page, nil
}

// Under reads up to limit rows under a key, in the order of their numbers.
func (e *Engine) Under(view, key string, from topology.Place, limit int, synthetic bool) (page topology.Page, err error) {
	g, ok := e.views[view]
	if !ok || !g.View.Lists {
		return page, topology.ErrNoView
	}
	from.Partition = g.partitionOf(key)
	st, err := g.readable(from.Partition)
	if err != nil {
		return page, err
	}
	prefix := topology.RowKey(topology.RowUnder(key, ""), synthetic)
	_, err = g.fill(&page, from, limit, synthetic, func(place rowlog.Place, f func(rowlog.Row) bool) error {
		return st.log.Under(from.Partition, prefix, place, limit+1, f)
	})
	return page, err
}

// listPartition adds rows of one partition; done says that the page is full.
func (g *group) listPartition(st *store, from topology.Place, limit int, synthetic bool, page *topology.Page) (done bool, err error) {
	return g.fill(page, from, limit, synthetic, func(place rowlog.Place, f func(rowlog.Row) bool) error {
		return st.log.List(from.Partition, place, f)
	})
}

// fill adds the rows that list finds from a place on.
func (g *group) fill(page *topology.Page, from topology.Place, limit int, synthetic bool, list func(rowlog.Place, func(rowlog.Row) bool) error) (done bool, err error) {
	at, stale := g.freshness(from.Partition)
	place := from
	listErr := list(rowlog.Place{Run: from.Run, Hash: from.Hash, Skip: from.Skip}, func(r rowlog.Row) bool {
		key, made := topology.EntityKey(r.Key)
		if made == synthetic {
			if len(page.Rows) == limit {
				page.Next, done = &place, true
				return false
			}
			var row any
			if row, err = g.decodeRow(r.Value); err != nil {
				return false
			}
			page.Rows = append(page.Rows, g.answer(key, row, at, stale))
		}
		if r.Run == place.Run && r.Hash == place.Hash {
			place.Skip++
		} else {
			place = topology.Place{Partition: from.Partition, Run: r.Run, Hash: r.Hash, Skip: 1}
		}
		return true
	})
	return done, errors.Join(err, listErr)
}
