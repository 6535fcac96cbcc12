package peers

import (
	"context"
	"slices"
	"sync"

	"payerflow/internal/topology"
)

// batchAtOnce is how many partitions are asked at a time.
const batchAtOnce = 16

// Batch reads the rows of keys, in their order: a question for each partition.
func (v *Views) Batch(ctx context.Context, view string, keys []string, synthetic bool) []topology.Got {
	out := make([]topology.Got, len(keys))
	served, ok := v.views[view]
	if !ok {
		for i := range out {
			out[i].Err = topology.ErrNoView
		}
		return out
	}
	places := map[int32][]int{}
	for i, key := range keys {
		p := topology.Partition([]byte(key), served.Partitions)
		places[p] = append(places[p], i)
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, batchAtOnce)
	for p, at := range places {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			v.batchOf(ctx, view, p, keys, at, synthetic, out)
		})
	}
	wg.Wait()
	return out
}

// batchOf reads the keys at some places, all of one partition.
func (v *Views) batchOf(ctx context.Context, view string, p int32, keys []string, at []int, synthetic bool, out []topology.Got) {
	for len(at) > 0 {
		stored := make([]string, len(at))
		for i, place := range at {
			stored[i] = topology.RowKey(keys[place], synthetic)
		}
		r, err := v.ask(ctx, topology.Question{View: view, Partition: p, Keys: slices.Clone(stored)})
		if err == nil && (len(r.Rows) == 0 || len(r.Rows) > len(at)) {
			err = topology.ErrUnavailable
		}
		if err != nil {
			for _, place := range at {
				out[place].Err = away(p, err)
			}
			return
		}
		for i, row := range r.Rows {
			out[at[i]].Answer, out[at[i]].Err = v.answer(view, p, row, r.Copy)
		}
		at = at[len(r.Rows):]
	}
}
