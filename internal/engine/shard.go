package engine

import (
	"context"
	"slices"
	"strings"
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
	g, ok := e.views[q.View]
	if !ok {
		return topology.Reply{}, topology.ErrNoView
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

// Decode turns a stored row of a view into a Row.
func (e *Engine) Decode(view string, stored []byte) (topology.Row, error) {
	g, ok := e.views[view]
	if !ok {
		return nil, topology.ErrNoView
	}
	row, err := g.decodeRow(stored)
	if err != nil {
		return nil, err
	}
	return row.(topology.Row), nil
}

// reach finds a copy, and waits until it holds what the question asks for.
func (g *group) reach(ctx context.Context, q topology.Question) (*held, error) {
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
			r.More = true
			return nil
		}
		r.Rows = append(r.Rows, topology.Stored{Key: key, Value: value})
	}
	return nil
}

// run reads rows from a place on, in the order of hash and key.
func (h *held) run(q topology.Question, r *topology.Reply) error {
	place, size := q.From, 0
	return h.log.List(h.partition, q.From.Hash, q.From.Skip, func(l rowlog.Row) bool {
		if _, made := topology.EntityKey(l.Key); made == q.Synthetic {
			if size += len(l.Value); len(r.Rows) == q.Limit || size > replyBytes && len(r.Rows) > 0 {
				r.Next = &place
				return false
			}
			r.Rows = append(r.Rows, topology.Stored{Key: l.Key, Value: l.Value})
		}
		if l.Hash == place.Hash {
			place.Skip++
		} else {
			place = topology.Place{Partition: h.partition, Hash: l.Hash, Skip: 1}
		}
		return true
	})
}

// under reads rows under a key, in the order of their suffixes.
func (h *held) under(q topology.Question, r *topology.Reply) error {
	type sub struct {
		suffix string
		value  []byte
	}
	var found []sub
	prefix := topology.RowUnder(q.Under, "")
	err := h.log.List(h.partition, 0, 0, func(l rowlog.Row) bool {
		if suffix, ok := strings.CutPrefix(l.Key, prefix); ok && (q.After == "" || topology.CompareSuffixes(suffix, q.After) > 0) {
			found = append(found, sub{suffix, l.Value})
		}
		return true
	})
	slices.SortFunc(found, func(a, b sub) int { return topology.CompareSuffixes(a.suffix, b.suffix) })
	size := 0
	for _, f := range found {
		if size += len(f.value); len(r.Rows) == q.Limit || size > replyBytes && len(r.Rows) > 0 {
			r.More = true
			break
		}
		r.Rows = append(r.Rows, topology.Stored{Key: prefix + f.suffix, Value: f.value})
	}
	return err
}
