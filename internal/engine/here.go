package engine

import (
	"context"
	"errors"

	"payerflow/internal/topology"
)

// Get reads the row of a key from the partition's owner, if that is here.
func (e *Engine) Get(view, key string, synthetic bool) (topology.Answer, error) {
	g, ok := e.view(view)
	if !ok {
		return topology.Answer{}, topology.ErrNoView
	}
	p := g.partitionOf(key)
	r, err := e.Read(context.Background(), topology.Question{View: view, Partition: p, Keys: []string{topology.RowKey(key, synthetic)}})
	if err != nil {
		return topology.Answer{}, err
	}
	if r.Rows[0].Value == nil {
		return topology.Answer{}, topology.ErrNotFound
	}
	return g.answer(p, r.Rows[0], r.Copy)
}

// List reads up to limit rows from a place on, of the partitions that are
// folded here. Rows that are written meanwhile may or may not appear; no row
// appears twice.
func (e *Engine) List(view string, from topology.Place, limit int, synthetic bool) (page topology.Page, err error) {
	g, ok := e.view(view)
	if !ok {
		return page, topology.ErrNoView
	}
	for from.Partition < int32(g.Table.Partitions) && len(page.Rows) < limit {
		next, err := g.page(&page, topology.Question{View: view, Partition: from.Partition, From: from, Limit: limit - len(page.Rows), Synthetic: synthetic})
		if err != nil && !errors.Is(err, topology.ErrElsewhere) {
			return topology.Page{}, err
		}
		if from = (topology.Place{Partition: from.Partition + 1}); next != nil {
			from = *next
		}
	}
	if from.Partition < int32(g.Table.Partitions) {
		page.Next = &from
	}
	return page, nil
}

// Under reads up to limit rows under a key, in the order of their numbers, if
// its partition is folded here.
func (e *Engine) Under(view, key string, from topology.Place, limit int, synthetic bool) (page topology.Page, err error) {
	g, ok := e.view(view)
	if !ok || !g.View.Lists {
		return page, topology.ErrNoView
	}
	page.Next, err = g.page(&page, topology.Question{View: view, Partition: g.partitionOf(key), From: from, Limit: limit, Synthetic: synthetic,
		Under: topology.RowKey(topology.RowUnder(key, ""), synthetic)})
	return page, err
}

func (g *group) page(page *topology.Page, q topology.Question) (next *topology.Place, err error) {
	r, err := g.e.Read(context.Background(), q)
	for _, stored := range r.Rows {
		a, err := g.answer(q.Partition, stored, r.Copy)
		if err != nil {
			return nil, err
		}
		page.Rows = append(page.Rows, a)
	}
	return r.Next, err
}

// answer is a row with the engine's account of it.
func (g *group) answer(p int32, stored topology.Stored, c topology.Copy) (topology.Answer, error) {
	row, err := g.decodeRow(stored.Value)
	if err != nil {
		return topology.Answer{}, err
	}
	key, _ := topology.EntityKey(stored.Key)
	a := topology.Answer{Key: key, Row: row.(topology.Row), Stored: stored.Value, Partition: p, Copy: c}
	if g.View.Lists {
		key, suffix := topology.SplitUnder(key)
		a.Key, a.ID, a.Suffix = key, topology.IDOf(suffix), suffix
	}
	return a, nil
}

// partitionOf is where the row of a key is.
func (g *group) partitionOf(key string) int32 {
	if g.View.Lists {
		key, _ = topology.SplitUnder(key)
	}
	return topology.Partition([]byte(key), g.Table.Partitions)
}
