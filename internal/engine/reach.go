package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"payerflow/internal/topology"
)

const (
	firstLook = 2 * time.Millisecond
	lastLook  = 25 * time.Millisecond
	// markersAfter is how long to wait before looking whether nothing but
	// markers lies between a position and what it waits for.
	markersAfter = 100 * time.Millisecond
)

// Reach follows what lies before positions to the group of a view: see
// topology.Directory and docs/adr/0013.
func (e *Engine) Reach(ctx context.Context, view string, from []topology.Position) ([]topology.Position, error) {
	g, ok := e.view(view)
	if !ok {
		return nil, topology.ErrNoView
	}
	for _, p := range from {
		for _, other := range e.byView[view] {
			if other != g && p.Topic == other.Table.Name {
				return nil, topology.ErrNoPosition
			}
		}
	}
	return e.reach(ctx, g, from)
}

func (e *Engine) reach(ctx context.Context, g *group, from []topology.Position) ([]topology.Position, error) {
	var hold []topology.Position
	need := needs{}
	for _, p := range from {
		if p.Topic == g.Table.Name {
			hold = append(hold, p)
		} else {
			need.raise(topicPartition{p.Topic, p.Partition}, p.Offset)
		}
	}
	way := e.way(g.Name, need.topics())
	for _, batch := range way.Batches() {
		if err := e.step(ctx, batch, need); err != nil {
			return nil, err
		}
	}
	for _, topic := range way.Inputs {
		for at, offset := range need[topic] {
			hold = append(hold, topology.Position{Topic: topic, Partition: at, Offset: offset})
		}
	}
	return hold, nil
}

// needs are offsets before which everything is to be, by topic and partition.
type needs map[string]map[int32]int64

func (n needs) raise(at topicPartition, offset int64) {
	if n[at.topic] == nil {
		n[at.topic] = map[int32]int64{}
	}
	n[at.topic][at.partition] = max(n[at.topic][at.partition], offset)
}

func (n needs) topics() (out []string) {
	for t := range n {
		out = append(out, t)
	}
	slices.Sort(out)
	return out
}

// way is worked out once for each group and set of topics.
func (e *Engine) way(group string, from []string) topology.Way {
	var all []topology.Declared
	for _, g := range e.groups {
		all = append(all, g.Declared)
	}
	return topology.WayTo(all, group, from)
}

// step waits for a batch of steps, and notes where what they wrote ends.
func (e *Engine) step(ctx context.Context, batch []topology.Step, need needs) error {
	errs := make([]error, len(batch))
	var wg sync.WaitGroup
	for i, s := range batch {
		wg.Go(func() { errs[i] = e.progress.past(ctx, s.Group, s.Topic, need[s.Topic]) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return firstOf(errs)
	}
	var writes []string
	for _, s := range batch {
		for _, t := range s.Writes {
			if !slices.Contains(writes, t) {
				writes = append(writes, t)
			}
		}
	}
	ends, err := e.progress.ends(ctx, writes)
	if err != nil {
		if ctx.Err() != nil || denied(err) {
			return &topology.NotReachedError{Group: batch[0].Group, Topic: batch[0].Topic, Refused: denied(err)}
		}
		return err
	}
	for at, offset := range ends {
		need.raise(at, offset)
	}
	return nil
}

func firstOf(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
