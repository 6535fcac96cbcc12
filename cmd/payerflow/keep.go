package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/api/access"
	"payerflow/api/stored"
	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
	"payerflow/internal/embedded"
)

// keeper keeps events beyond their topics' time.
type keeper struct {
	store *store.Store
	sink  *hydrate.Sink
}

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
	return &keeper{to, sink}, nil
}

func (k *keeper) run(ctx context.Context) error {
	if k == nil {
		return nil
	}
	return k.sink.Run(ctx)
}

// door answers 404 where there is no store.
func (k *keeper) door(guard *access.Guard, log *slog.Logger) *stored.Door {
	if k == nil {
		return stored.New(guard, nil, nil, log)
	}
	return stored.New(guard, k.store, k.sink.Status, log)
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
