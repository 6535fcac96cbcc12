package engine

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"payerflow/internal/batching"
	"payerflow/internal/topology"
)

// Effector does what a group of topology.Effects does outside. It may be asked
// for an effect that it did already: the worker died before that was
// committed. An error is a failure of this one effect; it is not logged.
type Effector func(ctx context.Context, e topology.Effect) error

const (
	// effectsAtOnce is how many keys of a partition are worked on at a time.
	effectsAtOnce = 16
	// effectTimeout bounds one effect, and effectBudget all of a transaction: one
	// that is not tried in time is tried with the next.
	effectTimeout = 2 * time.Second
	effectBudget  = 4 * time.Second
)

// perform tries what is due of an effects group, and settles the rows.
func (g *group) perform(w *work, due []batching.Deadline, clock time.Time) error {
	all, err := w.Backlogs(due)
	if err != nil {
		return err
	}
	g.try(w, all)
	for _, t := range all {
		if err := g.settle(w, t, clock); err != nil {
			return err
		}
	}
	return nil
}

// try does the effects of many keys at a time, and those of one key in order.
func (g *group) try(w *work, all []*batching.Tried) {
	ctx, cancel := context.WithTimeout(w.s.ctx, effectBudget)
	defer cancel()
	var wg errgroup.Group
	wg.SetLimit(effectsAtOnce)
	for _, t := range all {
		wg.Go(func() error {
			t.Try(func() bool { return ctx.Err() != nil }, func(p topology.Pending, key string, synthetic bool, attempt int) error {
				return g.effectOnce(ctx, p, key, synthetic, attempt)
			})
			return nil
		})
	}
	_ = wg.Wait() // failures are in all
}

func (g *group) effectOnce(ctx context.Context, p topology.Pending, key string, synthetic bool, attempt int) (err error) {
	ctx, cancel := context.WithTimeout(ctx, effectTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the effect panicked with a %T", v)
		}
	}()
	e, err := g.Effect(p, key, synthetic, attempt)
	if err != nil {
		return err
	}
	return g.effector(ctx, e)
}

func (g *group) settle(w *work, t *batching.Tried, clock time.Time) error {
	counter := g.e.metrics.effects
	counter.WithLabelValues(g.Name, "done").Add(float64(t.Done))
	if t.Failed {
		counter.WithLabelValues(g.Name, "failed").Inc()
	}
	w.source = g.Inputs[0].Topic
	return w.Settle(t, clock, func(why *topology.Parked, retries int) error {
		w.retries = retries
		return g.park(w, why)
	})
}

// effectorOf finds what an effects group does.
func (e *Engine) effectorOf(d topology.Declared) (Effector, error) {
	do := e.cfg.Effects[d.Name]
	if d.Outside && do == nil {
		return nil, fmt.Errorf("group %s has effects outside, and nothing is given that does them", d.Name)
	}
	return do, nil
}
