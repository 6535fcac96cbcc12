package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/api/access"
	"payerflow/api/stored"
	"payerflow/connectors/expire"
	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
	"payerflow/internal/embedded"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// keeper keeps events beyond their topics' time.
type keeper struct {
	store *store.Store
	sink  *hydrate.Sink
	old   *expire.Expirer
}

// expiresEvery is how often topics are looked at for what is too old.
const expiresEvery = time.Minute

// newKeeper is nil where no store is named.
func (a *app) newKeeper(uri string, c cluster, metrics prometheus.Registerer) (*keeper, error) {
	if uri == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	to, err := store.Open(uri)
	if err != nil {
		return nil, coded(exitUsage, err)
	}
	sink, err := hydrate.New(c.brokers, c.registry, to, a.log, metrics, c.opts...)
	if err != nil {
		to.Close()
		return nil, err
	}
	readings := []expire.Reading{}
	for _, f := range allFollowers() {
		shadow := slices.ContainsFunc(topologies.All, func(g topology.Declared) bool { return g.Name == f.Group && g.Shadows != "" })
		readings = append(readings, expire.Reading{Group: f.Group, Topic: f.Topic, Optional: shadow})
	}
	old, err := expire.New(expire.Options{Brokers: c.brokers, Client: c.opts, Schemas: c.registry, Store: to, Days: hydrate.Managed(), Readings: readings, Keep: a.cfg.Store.Keep,
		Every: expiresEvery, Now: time.Now, Free: c.free, Log: a.log, Metrics: metrics})
	if err != nil {
		to.Close()
		return nil, err
	}
	return &keeper{to, sink, old}, nil
}

func (k *keeper) run(ctx context.Context) error {
	if k == nil {
		return nil
	}
	return k.sink.Run(ctx)
}

func (k *keeper) expire(ctx context.Context) error {
	if k == nil {
		return nil
	}
	return k.old.Run(ctx)
}

// door answers 404 where there is no store.
func (k *keeper) door(guard *access.Guard, log *slog.Logger) *stored.Door {
	if k == nil {
		return stored.New(guard, nil, nil, log)
	}
	return stored.New(guard, k.store, k.sink.Status, log).Expiring(k.old.Status)
}

func (k *keeper) close() {
	if k != nil {
		k.store.Close()
	}
}

// demoStore is where the demonstration's events are kept: where the
// configuration says, else in a store below the data directory.
func (a *app) demoStore(ctx context.Context) (uri string, closed func() error, err error) {
	if a.cfg.Store.URI != "" || !a.cfg.Demo.Store {
		return a.cfg.Store.URI, func() error { return nil }, nil
	}
	s, err := embedded.StartStore(ctx, embedded.StoreConfig{DataDir: filepath.Join(a.cfg.Engine.DataDir, "store"), Logger: a.log})
	if err != nil {
		return "", nil, err
	}
	return s.URI(), s.Close, nil
}

// demoStores says whether the demonstration keeps events.
func (a *app) demoStores() bool { return a.cfg.Store.URI != "" || a.cfg.Demo.Store }

// stores says whether events are kept beyond their topics' time: then the
// brokers delete none of them by age. The demonstration says so of itself.
func (a *app) stores() bool {
	if a.cfg.Store.URI != "" {
		return true
	}
	c, err := readCredentials(a.cfg.Engine.DataDir)
	return err == nil && c.of(a.cfg.Broker.Seeds) && c.Demo.Store
}

// declaredTopics are all topics as the cluster should have them.
func declaredTopics(stored bool) []topology.Topic {
	topics := topologies.Topics()
	days := hydrate.Managed()
	for i := range topics {
		if stored && days[topics[i].Name] > 0 {
			topics[i].Retention = 0 // the expirer's
		}
	}
	return topics
}
