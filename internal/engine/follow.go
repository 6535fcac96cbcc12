package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

// Follow keeps copies of the tables of all views, from their changelogs, until
// ctx ends. It folds nothing, and is in no group.
func (e *Engine) Follow(ctx context.Context) error {
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
	for name, all := range e.byView {
		for _, g := range all {
			if e.cfg.Views != nil && !slices.Contains(e.cfg.Views, name) {
				continue
			}
			wg.Go(func() {
				if err := g.runWhile(ctx, g.followForever); err != nil {
					cancel(fmt.Errorf("group %s: %w", g.Name, err))
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

// followedViews are the live groups whose tables are followed.
func (e *Engine) followedViews() (gs []*group) {
	for _, g := range e.live() {
		if e.cfg.Views == nil || slices.Contains(e.cfg.Views, g.View.Name) {
			gs = append(gs, g)
		}
	}
	return gs
}

// followForever follows a table again and again, as supervise runs a processor.
func (g *group) followForever(ctx context.Context) error {
	wait := &backoff.ExponentialBackOff{InitialInterval: firstRestart, MaxInterval: lastRestart, Multiplier: 2, RandomizationFactor: 0.3}
	wait.Reset()
	for {
		began := time.Now()
		err := g.followOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was told to end
		case errors.Is(err, rowlog.ErrCorrupt):
			g.e.state.condemn(g.Table.Name)
		case hopeless(err):
			return err
		}
		if time.Since(began) > healthyAfter {
			wait.Reset()
		}
		pause := wait.NextBackOff()
		g.e.log.Warn("a table is not followed for now", "table", g.Table.Name, "error", err, "in", pause.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (g *group) followOnce(ctx context.Context) (err error) {
	p := g.folding
	cl, err := openCluster(g.e.cfg)
	if err != nil {
		return err
	}
	defer cl.close()
	for topic, n := range map[string]int{g.Table.Name: g.Table.Partitions, topology.Members.Name: topology.Members.Partitions} {
		if err := cl.ensure(topic, n); err != nil {
			return err
		}
	}
	p.mu.Lock()
	p.logs = map[string]*rowlog.Log{}
	p.mu.Unlock()
	f := &follower{g: g, cluster: cl, stores: map[int32]*store{}}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.open(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var announcing sync.WaitGroup
	announcing.Go(func() { f.announce(ctx) })
	defer announcing.Wait()
	defer cancel()
	return f.run(ctx)
}

// follower reads all partitions of one changelog.
type follower struct {
	g       *group
	cluster *cluster
	client  *kgo.Client
	stores  map[int32]*store
	of      string // incarnation
}

func (f *follower) open() error {
	g, rt := f.g, &runtime{p: f.g.folding, cluster: f.cluster}
	name, log, err := g.folding.openTable(f.cluster, g.Table.Name)
	if err != nil {
		return err
	}
	_, f.of = g.e.state.copy(name)
	from := map[int32]kgo.Offset{}
	for p := range int32(g.Table.Partitions) {
		st, err := g.e.state.openStore(tablePartition{name, p}, log, true)
		if err != nil {
			return err
		}
		f.stores[p] = st
		first, end, err := rt.changelogEnds(g.Table.Name, st)
		if err != nil {
			return err
		}
		if err := st.follow(end); err != nil {
			return err
		}
		from[p] = kgo.NewOffset().At(first)
	}
	f.client, err = kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(g.e.cfg.Brokers...), kgo.ClientID("payerflow-views"), g.e.cfg.counted("follow " + g.Name),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{g.Table.Name: from}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // begun anew where the log now begins
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), markers(),
		kgo.FetchMaxBytes(8 << 20), kgo.FetchMaxPartitionBytes(1 << 20), kgo.FetchMaxWait(250 * time.Millisecond),
	}, g.e.cfg.Client...)...)
	return err
}

func (f *follower) close() (err error) {
	if f.client != nil {
		f.client.Close()
	}
	for _, st := range f.stores {
		err = errors.Join(err, st.Close())
	}
	return err
}

func (f *follower) run(ctx context.Context) error {
	for {
		fetches, idle, err := pollUntilLull(ctx, f.client)
		if err != nil {
			return err
		}
		if now := f.g.incarnation(); now != "" && now != f.of {
			return errors.New("the table was made anew")
		}
		for _, failed := range fetches.Errors() {
			if !idle {
				return fmt.Errorf("%s/%d: %w", failed.Topic, failed.Partition, failed.Err)
			}
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if err == nil && len(p.Records) > 0 {
				err = f.stores[p.Partition].apply(p.Records)
			}
		})
		if err != nil {
			return err
		}
	}
}

// announce says that this replica is there, until ctx ends, and then that it is
// not.
func (f *follower) announce(ctx context.Context) {
	tick := time.NewTicker(replicaEvery)
	defer tick.Stop()
	for {
		m := f.g.folding.self()
		m.Follows = true
		if _, err := f.cluster.announce(ctx, m); err != nil && ctx.Err() == nil {
			f.g.e.log.Warn("this replica could not say that it is there", "group", f.g.Name, "error", err)
		}
		select {
		case <-ctx.Done():
			bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
			defer cancel()
			if err := f.cluster.gone(bye, m); err != nil {
				f.g.e.log.Debug("members", "error", err)
			}
			return
		case <-tick.C:
		}
	}
}

// apply writes records of the changelog, with the offset of the last.
func (st *store) apply(records []*kgo.Record) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, r := range records {
		switch {
		case r.Attrs.IsControl():
		case r.Value == nil:
			st.batch.Delete(st.at.partition, string(r.Key))
		default:
			st.batch.Put(st.at.partition, string(r.Key), r.Value, 0)
		}
	}
	st.offset = records[len(records)-1].Offset
	st.batch.SetOffset(st.at.partition, st.offset, time.Now())
	err := st.log.Commit(&st.batch, nil)
	st.batch.Reset()
	if err != nil {
		return err
	}
	return st.arrive()
}
