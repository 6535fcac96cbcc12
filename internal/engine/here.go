package engine

import (
	"context"
	"errors"

	"payerflow/internal/topology"
)

// Get reads the row of a key from the partition's owner, if that is here.
func (e *Engine) Get(view, key string, synthetic bool) (topology.Answer, error) {
	g, ok := e.views[view]
	if !ok {
		return topology.Answer{}, topology.ErrNoView
	}
	p := topology.Partition([]byte(key), g.Table.Partitions)
	r, err := e.Read(context.Background(), topology.Question{View: view, Partition: p, Keys: []string{topology.RowKey(key, synthetic)}})
	if err != nil {
		return topology.Answer{}, err
	}
	if r.Rows[0].Value == nil {
		return topology.Answer{}, topology.ErrNotFound
	}
	row, err := e.Decode(view, r.Rows[0].Value)
	return topology.Answer{Key: key, Row: row, Stored: r.Rows[0].Value, Partition: p, Copy: r.Copy}, err
}

// List reads up to limit rows from a place on, of the partitions that are
// folded here. Rows that are written meanwhile may or may not appear; no row
// appears twice.
func (e *Engine) List(view string, from topology.Place, limit int, synthetic bool) (page topology.Page, err error) {
	g, ok := e.views[view]
	if !ok {
		return page, topology.ErrNoView
	}
	for from.Partition < int32(g.Table.Partitions) && len(page.Rows) < limit {
		r, err := e.Read(context.Background(), topology.Question{View: view, Partition: from.Partition, From: from, Limit: limit - len(page.Rows), Synthetic: synthetic})
		if errors.Is(err, topology.ErrRestoring) {
			return topology.Page{}, err
		}
		for _, stored := range r.Rows {
			key, _ := topology.EntityKey(stored.Key)
			row, err := e.Decode(view, stored.Value)
			if err != nil {
				return topology.Page{}, err
			}
			page.Rows = append(page.Rows, topology.Answer{Key: key, Row: row, Stored: stored.Value, Partition: from.Partition, Copy: r.Copy})
		}
		if from = (topology.Place{Partition: from.Partition + 1}); r.Next != nil {
			from = *r.Next
		}
	}
	if from.Partition < int32(g.Table.Partitions) {
		page.Next = &from
	}
	return page, nil
}
