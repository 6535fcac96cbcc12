package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"payerflow/internal/topology"
)

// Engine runs declared groups and reads their rows.
type Engine struct {
	cfg      Config
	log      *slog.Logger
	instance string
	state    *state
	metrics  *metrics
	tracer   trace.Tracer
	groups   []*group
	views    map[string]*group
	members  *directory
	progress *progress
	tails    *tails
}

// Open locks the data directory, opens the local state and binds the groups.
// It does not connect to the broker. Close it after Run has returned.
func Open(cfg Config, groups []topology.Declared, schemas topology.Schemas) (*Engine, error) {
	instance, err := claimDir(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	st := openState(cfg.DataDir)
	e := &Engine{cfg: cfg, log: cfg.Log, instance: instance.id, state: st, metrics: newMetrics(cfg.Metrics), tracer: cfg.tracer(), views: map[string]*group{}, members: newDirectory(), progress: newProgress(cfg)}
	st.lock = instance
	e.tails = newTails(e)
	for _, d := range groups {
		g, err := newGroup(e, d, schemas)
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		e.groups = append(e.groups, g)
		if d.View.Name != "" {
			e.views[d.View.Name] = g
		}
	}
	return e, nil
}

// Run runs all groups until ctx ends, then drains the open batch, commits it
// and leaves the group. It returns nil after a clean stop, and the first cause
// where a group cannot run at all.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	wg.Go(func() { e.tail(ctx) })
	wg.Go(func() { e.age(ctx) })
	for _, g := range e.groups {
		for _, p := range g.processors() {
			wg.Go(func() {
				if err := p.supervise(ctx); err != nil {
					cancel(fmt.Errorf("group %s: %w", p.name, err))
				}
			})
		}
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Close releases the local state.
func (e *Engine) Close() error {
	e.tails.close()
	e.progress.close()
	return e.state.close()
}
