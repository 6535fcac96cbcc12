package peers

import (
	"context"
	"errors"
	"fmt"

	"payerflow/internal/topology"
)

// Views reads the rows of views wherever they are: it is the topology.Views of
// a worker, and of a replica.
type Views struct {
	local  topology.Shards
	views  map[string]topology.Served
	router *router // nil: only what is here
}

// Here is Views of what is here alone.
func Here(local topology.Shards) *Views {
	v := &Views{local: local, views: map[string]topology.Served{}}
	for _, s := range local.Views() {
		v.views[s.Name] = s
	}
	return v
}

// Views lists what is served, in name order.
func (v *Views) Views() []topology.Served { return v.local.Views() }

// Ready says what is missing here.
func (v *Views) Ready() error { return v.local.Ready() }

// Status says what this worker runs and holds.
func (v *Views) Status() topology.Status { return v.local.Status() }

// Get reads the row of a key.
func (v *Views) Get(ctx context.Context, view, key string, synthetic bool) (topology.Answer, error) {
	served, ok := v.views[view]
	if !ok {
		return topology.Answer{}, topology.ErrNoView
	}
	p := topology.Partition([]byte(key), served.Partitions)
	r, err := v.ask(ctx, topology.Question{View: view, Partition: p, Keys: []string{topology.RowKey(key, synthetic)}})
	if err != nil {
		return topology.Answer{}, away(p, err)
	}
	if len(r.Rows) != 1 {
		return topology.Answer{}, fmt.Errorf("view %s: %d rows for one key", view, len(r.Rows))
	}
	return v.answer(view, p, r.Rows[0], r.Copy)
}

func (v *Views) answer(view string, p int32, stored topology.Stored, c topology.Copy) (topology.Answer, error) {
	if stored.Value == nil {
		return topology.Answer{Partition: p, Copy: c}, topology.ErrNotFound
	}
	row, err := v.local.Decode(view, stored.Value)
	if err != nil {
		return topology.Answer{}, err
	}
	key, _ := topology.EntityKey(stored.Key)
	return topology.Answer{Key: key, Row: row, Stored: stored.Value, Partition: p, Copy: c}, nil
}

// List reads up to limit rows from a place on, partition by partition.
func (v *Views) List(ctx context.Context, view string, from topology.Place, limit int, synthetic bool) (page topology.Page, err error) {
	served, ok := v.views[view]
	if !ok {
		return page, topology.ErrNoView
	}
	for int(from.Partition) < served.Partitions && len(page.Rows) < limit {
		p := from.Partition
		r, err := v.ask(ctx, topology.Question{View: view, Partition: p, From: from, Limit: limit - len(page.Rows), Synthetic: synthetic})
		if err != nil {
			return topology.Page{}, away(p, err)
		}
		for _, stored := range r.Rows {
			a, err := v.answer(view, p, stored, r.Copy)
			if err != nil {
				return topology.Page{}, err
			}
			page.Rows = append(page.Rows, a)
		}
		if from = (topology.Place{Partition: p + 1}); r.Next != nil {
			from = *r.Next
		}
	}
	if int(from.Partition) < served.Partitions {
		page.Next = &from
	}
	return page, nil
}

// away says that nobody answers for a partition, where that is what an error is
// about.
func away(p int32, err error) error {
	for _, known := range []error{topology.ErrElsewhere, topology.ErrRestoring, topology.ErrTooStale, topology.ErrNotReached, topology.ErrUnavailable} {
		if errors.Is(err, known) {
			return &topology.AwayError{Partition: p, Err: err}
		}
	}
	return err
}
