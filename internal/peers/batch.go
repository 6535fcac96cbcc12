package peers

import (
	"context"

	"payerflow/internal/topology"
)

// Batch reads the rows of keys, in their order, in one call to each worker.
func (v *Views) Batch(ctx context.Context, view string, keys []string, synthetic bool) []topology.Got {
	out := make([]topology.Got, len(keys))
	served, ok := v.Served(view)
	if !ok {
		for i := range out {
			out[i].Err = topology.ErrNoView
		}
		return out
	}
	places := map[int32][]int{}
	for i, key := range keys {
		p := partitionOf(served, key)
		places[p] = append(places[p], i)
	}
	for len(places) > 0 {
		v.batch(ctx, view, places, keys, synthetic, out)
	}
	return out
}

// batch asks for what is still open, and takes out what was answered: as much
// as answers may hold.
func (v *Views) batch(ctx context.Context, view string, places map[int32][]int, keys []string, synthetic bool, out []topology.Got) {
	var qs []topology.Question
	for p, at := range places {
		q := topology.Question{View: view, Partition: p}
		for _, place := range at {
			q.Keys = append(q.Keys, topology.RowKey(keys[place], synthetic))
		}
		qs = append(qs, q)
	}
	for i, r := range v.askAll(ctx, qs) {
		p := qs[i].Partition
		at := places[p]
		delete(places, p)
		if r.err != nil {
			for _, place := range at {
				out[place].Err = away(p, r.err)
			}
			continue
		}
		for n, row := range r.Rows {
			out[at[n]].Answer, out[at[n]].Err = v.answer(view, p, row, r.Copy)
		}
		if len(r.Rows) < len(at) {
			places[p] = at[len(r.Rows):]
		}
	}
}
