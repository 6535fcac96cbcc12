package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"payerflow/internal/topology"
	"payerflow/internal/versions"
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
	byView   map[string][]*group // all versions of each view, in the order of declaration
	versions *versionLog
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
	e := &Engine{cfg: cfg, log: cfg.Log, instance: instance.id, state: st, metrics: newMetrics(cfg.Metrics), tracer: cfg.tracer(), byView: map[string][]*group{}, members: newDirectory(), progress: newProgress(cfg)}
	st.lock = instance
	e.tails, e.versions = newTails(e), newVersionLog(e)
	for _, d := range groups {
		g, err := newGroup(e, d, schemas)
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		e.groups = append(e.groups, g)
		if d.View.Name != "" {
			e.byView[d.View.Name] = append(e.byView[d.View.Name], g)
		}
	}
	for _, g := range e.groups {
		g.bindVersions(groups)
	}
	if cfg.Metrics != nil {
		cfg.Metrics.MustRegister(collector{e})
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
	wg.Go(func() {
		if err := e.versions.run(ctx); err != nil {
			cancel(err)
		}
	})
	for _, g := range e.groups {
		wg.Go(func() {
			if err := g.runWhile(ctx, g.foldWhile); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// runWhile runs what a group does while it is to run: a version of a view that
// shadows another waits until it is started, and ends when it is dropped. What
// stops one that is not live stops nobody else.
func (g *group) runWhile(ctx context.Context, do func(context.Context) error) error {
	runs := func(s *versions.State) bool { return s.Runs(g.View.Name, g.Name, g.Shadows) }
	for g.e.versions.wait(ctx, runs) {
		until, stop := context.WithCancel(ctx)
		go func() {
			g.e.versions.wait(until, func(s *versions.State) bool { return !runs(s) })
			stop()
		}()
		err := do(until)
		stop()
		if err != nil && g.e.versions.now().Live(g.View.Name, g.Name, g.Shadows) {
			return err
		}
		if err != nil {
			g.e.log.Error("a version of a view stops until it is resumed or dropped; the live one goes on", "group", g.Name, "error", err)
			was := g.e.versions.now().Line(g.View.Name)
			g.e.versions.wait(ctx, func(s *versions.State) bool { return s.Line(g.View.Name) != was })
		}
	}
	return nil
}

// foldWhile runs the group's processors.
func (g *group) foldWhile(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, p := range g.processors() {
		wg.Go(func() {
			if err := p.supervise(ctx); err != nil {
				p.mu.Lock()
				p.lastError = err.Error()
				p.mu.Unlock()
				cancel(fmt.Errorf("group %s: %w", p.name, err))
			}
		})
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
