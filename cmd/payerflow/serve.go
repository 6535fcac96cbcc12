package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"payerflow/api"
	"payerflow/codecs"
	"payerflow/config"
	"payerflow/connectors/kafka"
	"payerflow/internal/embedded"
	"payerflow/internal/engine"
	"payerflow/internal/observe"
	"payerflow/internal/peers"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// server is a worker: the engine with all groups, and the HTTP surface.
type server struct {
	engine   *engine.Engine
	rules    *kafka.Control
	firehose *kafka.Firehose
	doors    *doors
	http     *http.Server
	ln       net.Listener
	peers    *peers.Server
	views    *peers.Views
	dlqs     func(ctx context.Context) // watches the dead letter topics until ctx ends; nil: nobody does
	follows  bool                      // a replica
	spans    tracing
}

// extension is what a process runs beside the groups of every worker.
type extension struct {
	groups  []topology.Declared
	effects map[string]engine.Effector
	at      func(addr string)     // told where the worker listens, before it works; may be nil
	replica bool                  // nothing is folded: tables are followed
	views   []string              // those of these views; nil: of all
	store   string                // address of the event store; "": none
	free    func() (int64, error) // bytes that the broker's disk has left; nil: the brokers tell
}

func (a *app) newServer(ctx context.Context, brokers []string, client []kafka.Option, registryURL string, more extension) (_ *server, err error) {
	s := &server{}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if s.ln, err = listenHTTP(ctx, a.cfg.HTTP.Addr); err != nil {
		return nil, err
	}
	if more.at != nil {
		more.at(s.addr())
	}
	if s.peers, err = peers.Listen(ctx, a.cfg.Peers.Listen, peers.Security(a.cfg.Peers.TLS), a.log); err != nil {
		return nil, coded(exitUnavailable, err)
	}
	if s.spans, err = a.openTracing(ctx, s.addr()); err != nil {
		return nil, err
	}
	metrics := a.newRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry := codecs.OpenRegistry(registryURL)
	if s.rules, err = a.openRules(brokers, client, registry, metrics); err != nil {
		return nil, err
	}
	shadows := &processors.ShadowCounts{}
	routed := &processors.RoutedCounts{}
	metrics.MustRegister(kafka.RoutedMetrics{Counts: routed})
	pins, err := a.pins(s.rules, shadows, routed)
	if err != nil {
		return nil, err
	}
	cfg := a.engineConfig(brokers, client, metrics)
	cfg.Address, cfg.Peer, cfg.Pins, cfg.Effects, cfg.Follows = s.addr(), cmp.Or(a.cfg.Peers.Advertise, s.peers.Addr()), pins, more.effects, more.replica
	cfg.Views, cfg.Traces, cfg.Describe = more.views, s.spans.of(), shownInSpans(s.rules)
	if s.engine, err = engine.Open(cfg, slices.Concat(topologies.All, more.groups), registry); err != nil {
		return nil, err
	}
	if s.views, err = peers.Open(s.engine, s.engine, peers.Options{Security: peers.Security(a.cfg.Peers.TLS), Staleness: a.cfg.Peers.MaxStaleness,
		Timeout: a.cfg.Peers.Timeout, Replica: more.replica, Log: a.log, Metrics: metrics}); err != nil {
		return nil, err
	}
	at := cluster{brokers, client, registry, nil, s.addr(), shadows, s.views, more.store, more.free, s.spans}
	if more.replica {
		s.doors, err = a.newReaders(s.rules, at, metrics)
	} else {
		if s.firehose, err = kafka.OpenFirehose(brokers, registry, append(watchedClient(client, metrics, "firehose"), observe.Producing(s.spans.of()))...); err != nil {
			return nil, err
		}
		at.firehose = s.firehose
		s.dlqs = a.watchDLQs(brokers, client, registry, metrics)
		s.doors, err = a.newDoors(s.rules, at, metrics)
	}
	if err != nil {
		return nil, err
	}
	s.follows = more.replica
	stopping, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.http = &http.Server{Protocols: protocols(), Handler: api.New(s.views, api.Options{Version: version(), Metrics: metrics, Counts: metrics, Traces: s.spans.of(), Guard: s.doors.guard, Doors: s.doors.all, Groups: slices.Concat(topologies.All, more.groups), Carry: s.doors.portal.Carry,
		Watches: s.engine, Watch: api.WatchBounds{Most: maxConnections()}, Stopping: stopping}), ReadHeaderTimeout: a.cfg.HTTP.ReadHeaderTimeout}
	s.http.RegisterOnShutdown(stop) // watches are told to come again, elsewhere
	if s.doors.out != nil {
		s.http.RegisterOnShutdown(s.doors.out.Close) // streams are told to come again, elsewhere
	}
	return s, nil
}

func (a *app) engineConfig(brokers []string, client []kafka.Option, metrics prometheus.Registerer) engine.Config {
	c := a.cfg.Engine
	return engine.Config{
		Brokers: brokers, DataDir: filepath.Join(c.DataDir, "worker"), AtLeastOnce: c.Guarantee == config.AtLeastOnce, Standby: c.Standby == config.StandbyAll,
		BatchRecords: c.BatchRecords, BatchInterval: c.BatchInterval,
		SessionTimeout: c.SessionTimeout, TransactionTimeout: c.TransactionTimeout, Freshness: c.Freshness,
		Folds: topologies.Folds(), Log: a.log, Metrics: metrics, Client: client,
	}
}

// registry is where metrics are registered and read.
type registry interface {
	prometheus.Registerer
	prometheus.Gatherer
}

func (a *app) newRegistry() registry {
	if a.registry != nil {
		return a.registry
	}
	return prometheus.NewRegistry()
}

// watchedClient are the options of a client whose work is counted under a name.
func watchedClient(client []kafka.Option, metrics prometheus.Registerer, name string) []kafka.Option {
	return append(client[:len(client):len(client)], observe.Client(metrics, name))
}

// release closes what was opened of a server that does not come to run.
func (s *server) release() {
	if s.doors != nil {
		s.doors.close()
	}
	if s.rules != nil {
		s.rules.Close()
	}
	if s.firehose != nil {
		s.firehose.Close()
	}
	if s.views != nil {
		s.views.Close()
	}
	if s.engine != nil {
		_ = s.engine.Close() // the first error is told
	}
	if s.peers != nil {
		_ = s.peers.Close(context.Background())
	}
	if s.ln != nil {
		_ = s.ln.Close()
	}
	s.spans.close()
}

// protocols are those that gRPC needs too: HTTP/2 without TLS.
func protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

// run serves until ctx ends, or the engine or the server fails; then it stops
// both: open requests end, the open batch is committed, the group is left.
func (s *server) run(ctx context.Context, c config.HTTP) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The rules are followed for as long as the engine commits what it has open.
	rulesCtx, stopRules := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRules()
	var wg sync.WaitGroup
	var engineErr, httpErr, peersErr error
	wg.Go(func() { _ = s.rules.Run(rulesCtx) })
	wg.Go(func() { s.doors.run(ctx) })
	wg.Go(func() {
		defer stopRules()
		defer cancel()
		if s.follows {
			engineErr = s.engine.Follow(ctx)
		} else {
			engineErr = s.engine.Run(ctx)
		}
	})
	if s.dlqs != nil {
		wg.Go(func() { s.dlqs(ctx) })
	}
	wg.Go(func() {
		defer cancel()
		peersErr = s.peers.Serve(s.engine, s.engine)
	})
	wg.Go(func() {
		defer cancel()
		if err := s.http.Serve(s.ln); !errors.Is(err, http.ErrServerClosed) {
			httpErr = err
		}
	})
	<-ctx.Done()
	stopCtx, stop := context.WithTimeout(context.WithoutCancel(ctx), c.ShutdownTimeout)
	defer stop()
	shutdownErr := errors.Join(s.http.Shutdown(stopCtx), s.peers.Close(stopCtx))
	wg.Wait()
	s.doors.close()
	s.rules.Close()
	if s.firehose != nil {
		s.firehose.Close()
	}
	s.views.Close()
	s.spans.close()
	return errors.Join(engineErr, httpErr, peersErr, shutdownErr, s.engine.Close())
}

func (s *server) addr() string { return s.ln.Addr().String() }

// portFlag names the flag that changes a taken port.
func portFlag(err error) error {
	var taken *embedded.PortTakenError
	if errors.As(err, &taken) {
		flag := map[string]string{"broker": "--kafka-addr", "registry": "--registry-addr"}[taken.Name]
		return coded(exitUnavailable, fmt.Errorf("%w; choose another with %s", err, flag))
	}
	return err
}
