package engine

import (
	"context"
	"slices"
	"time"

	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

const (
	// replyBytes bounds the rows of one answer; it holds one row at least.
	replyBytes = 4 << 20
	// lookAgain is how often a copy that does not fold is looked at for what it
	// is to hold.
	lookAgain = 5 * time.Millisecond
)

// Read answers a question from the copy that is here: see topology.Shards.
func (e *Engine) Read(ctx context.Context, q topology.Question) (topology.Reply, error) {
	t := e.versions.turn(q.View)
	for {
		epoch, floor, err := t.read(ctx)
		if err != nil {
			return topology.Reply{}, err
		}
		r, err := e.read(ctx, q, floor)
		if t.still(epoch) {
			return r, err
		}
	}
}

// read answers from the version that is live now. floor is what a copy of it
// must hold at least.
func (e *Engine) read(ctx context.Context, q topology.Question, floor []topology.Position) (topology.Reply, error) {
	g, ok := e.view(q.View)
	if !ok {
		return topology.Reply{}, topology.ErrNoView
	}
	for _, p := range floor {
		if p.Partition == q.Partition {
			q.AtLeast = append(q.AtLeast[:len(q.AtLeast):len(q.AtLeast)], p)
		}
	}
	if q.Partition < 0 || int(q.Partition) >= g.Table.Partitions {
		return topology.Reply{}, topology.ErrElsewhere
	}
	h, err := g.reach(ctx, q)
	if err != nil {
		return topology.Reply{}, err
	}
	var r topology.Reply
	switch {
	case q.Keys != nil:
		err = h.keys(q, &r)
	case q.Under != "":
		err = h.under(q, &r)
	default:
		err = h.run(q, &r)
	}
	if err != nil {
		return topology.Reply{}, err
	}
	if !h.still() {
		return topology.Reply{}, g.absent(q.Partition)
	}
	r.Copy = h.Copy
	return r, nil
}

// Decode turns a stored row of a view into a Row, as the version wrote it whose
// table it is from.
func (e *Engine) Decode(view, of string, stored []byte) (topology.Row, error) {
	g, ok := e.view(view)
	if !ok {
		return nil, topology.ErrNoView
	}
	for _, other := range e.byView[view] {
		if other != g && of != "" && other.incarnation() == of {
			g = other
			break
		}
	}
	row, err := g.decodeRow(stored)
	if err != nil {
		return nil, err
	}
	return row.(topology.Row), nil
}

// reach finds a copy, and waits until it holds what the question asks for.
func (g *group) reach(ctx context.Context, q topology.Question) (*held, error) {
	if len(q.AtLeast) == 0 {
		return g.hold(q)
	}
	for {
		moves := g.folding.positions.moves()
		h, err := g.hold(q)
		if err != nil || !slices.ContainsFunc(q.AtLeast, func(p topology.Position) bool { return !h.has(p) }) {
			return h, err
		}
		select {
		case <-ctx.Done():
			return nil, topology.ErrNotReached
		case <-moves:
		case <-time.After(lookAgain):
		}
	}
}

// keys reads rows by their keys: as many of the first as fit.
func (h *held) keys(q topology.Question, r *topology.Reply) error {
	size := 0
	for _, key := range q.Keys {
		value, _, err := h.log.Get(h.partition, key)
		if err != nil {
			return err
		}
		if size += len(value); size > replyBytes && len(r.Rows) > 0 {
			return nil
		}
		r.Rows = append(r.Rows, topology.Stored{Key: key, Value: value})
	}
	return nil
}

// run reads rows from a place on.
func (h *held) run(q topology.Question, r *topology.Reply) error {
	return h.fill(q, r, func(from rowlog.Place, f func(rowlog.Row) bool) error { return h.log.List(h.partition, from, f) })
}

// under reads rows under a key, in the order of their numbers.
func (h *held) under(q topology.Question, r *topology.Reply) error {
	return h.fill(q, r, func(from rowlog.Place, f func(rowlog.Row) bool) error {
		return h.log.Under(h.partition, q.Under, from, q.Limit+1, f)
	})
}

// fill adds the rows that list finds from a place on, as many as may be.
func (h *held) fill(q topology.Question, r *topology.Reply, list func(rowlog.Place, func(rowlog.Row) bool) error) error {
	place, size := q.From, 0
	return list(rowlog.Place{Run: q.From.Run, Hash: q.From.Hash, Skip: q.From.Skip}, func(l rowlog.Row) bool {
		if _, made := topology.EntityKey(l.Key); made == q.Synthetic {
			if size += len(l.Value); len(r.Rows) == q.Limit || size > replyBytes && len(r.Rows) > 0 {
				r.Next = &place
				return false
			}
			r.Rows = append(r.Rows, topology.Stored{Key: l.Key, Value: l.Value})
		}
		if l.Run == place.Run && l.Hash == place.Hash {
			place.Skip++
		} else {
			place = topology.Place{Partition: h.partition, Run: l.Run, Hash: l.Hash, Skip: 1}
		}
		return true
	})
}
