package engine

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"payerflow/internal/topology"
)

// Effector does what a group of topology.Effects does outside. It may be asked
// for an effect that it did already: the worker died before that was
// committed. An error is a failure of this one effect; it is not logged.
type Effector func(ctx context.Context, e topology.Effect) error

const (
	// effectsAtOnce is how many keys of a partition are worked on at a time, and
	// keysPerTick how many in one transaction.
	effectsAtOnce = 16
	keysPerTick   = 256
	// effectTimeout bounds one effect, and effectBudget all of a transaction: one
	// that is not tried in time is tried with the next.
	effectTimeout = 2 * time.Second
	effectBudget  = 4 * time.Second
)

// tried is what came of the oldest effects of one key.
type tried struct {
	kept   *row
	done   int
	failed bool
}

// perform tries what is due of an effects group, and settles the rows.
func (g *group) perform(w *work, due []deadline, clock time.Time) error {
	var all []*tried
	for _, d := range due[:min(len(due), keysPerTick)] {
		w.stored = []byte(d.key)
		if _, err := w.loadRow(); err != nil {
			return err
		}
		all = append(all, &tried{kept: w.kept})
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
func (g *group) try(w *work, all []*tried) {
	ctx, cancel := context.WithTimeout(w.s.ctx, effectBudget)
	defer cancel()
	var wg errgroup.Group
	wg.SetLimit(effectsAtOnce)
	for _, t := range all {
		wg.Go(func() error {
			backlog, _ := t.kept.value.(topology.Backlog)
			key, synthetic := topology.EntityKey(t.kept.key)
			for attempt := backlog.Failures; t.done < len(backlog.Pending) && ctx.Err() == nil; attempt = 0 {
				if g.effectOnce(ctx, backlog.Pending[t.done], key, synthetic, attempt) != nil {
					t.failed = ctx.Err() == nil // out of time is no failure of this one
					break
				}
				t.done++
			}
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

func (g *group) settle(w *work, t *tried, clock time.Time) error {
	backlog, _ := t.kept.value.(topology.Backlog)
	next, givenUp := backlog.Settle(t.done, t.failed, clock)
	w.part.set(t.kept, next)
	counter := g.e.metrics.effects
	counter.WithLabelValues(g.Name, "done").Add(float64(t.done))
	if t.failed {
		counter.WithLabelValues(g.Name, "failed").Inc()
	}
	w.source = g.Inputs[0].Topic
	for i, p := range givenUp {
		key, _ := topology.EntityKey(t.kept.key)
		w.raw = topology.Raw{Topic: p.Topic, Partition: p.Partition, Offset: p.Offset, Key: []byte(key), Value: p.Value, Headers: p.Headers}
		w.retries = backlog.Failures
		why := &topology.Parked{Code: topology.EffectFailed, EventID: p.ID, Reason: "the effect failed, and so did its retries"}
		if i > 0 {
			w.retries, why.Reason = 0, "an earlier effect of the same key was given up"
		}
		if err := g.park(w, why); err != nil {
			return err
		}
	}
	return nil
}

// effectorOf finds what an effects group does.
func (e *Engine) effectorOf(d topology.Declared) (Effector, error) {
	do := e.cfg.Effects[d.Name]
	if d.Outside && do == nil {
		return nil, fmt.Errorf("group %s has effects outside, and nothing is given that does them", d.Name)
	}
	return do, nil
}
