package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"payerflow/api"
	"payerflow/codecs"
	"payerflow/config"
	"payerflow/connectors/kafka"
	"payerflow/internal/embedded"
	"payerflow/internal/engine"
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
	dlqs     func(ctx context.Context) // watches the dead letter topics until ctx ends
}

// extension is what a process runs beside the groups of every worker.
type extension struct {
	groups  []topology.Declared
	effects map[string]engine.Effector
	at      func(addr string) // told where the worker listens, before it works; may be nil
}

func (a *app) newServer(ctx context.Context, brokers []string, client []kafka.Option, registryURL string, more extension) (*server, error) {
	ln, err := listenHTTP(ctx, a.cfg.HTTP.Addr)
	if err != nil {
		return nil, err
	}
	if more.at != nil {
		more.at(ln.Addr().String())
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	c := a.cfg.Engine
	registry := codecs.OpenRegistry(registryURL)
	rules, err := a.openRules(brokers, client, registry, metrics)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	shadows := &processors.ShadowCounts{}
	pins, err := a.pins(rules, shadows)
	if err != nil {
		rules.Close()
		return nil, errors.Join(err, ln.Close())
	}
	e, err := engine.Open(engine.Config{
		Brokers: brokers, Address: ln.Addr().String(), DataDir: filepath.Join(c.DataDir, "worker"), AtLeastOnce: c.Guarantee == config.AtLeastOnce, Standby: c.Standby == config.StandbyAll,
		BatchRecords: c.BatchRecords, BatchInterval: c.BatchInterval,
		SessionTimeout: c.SessionTimeout, TransactionTimeout: c.TransactionTimeout, Freshness: c.Freshness,
		Log: a.log, Metrics: metrics, Client: client,
		Pins: pins, Effects: more.effects,
	}, slices.Concat(topologies.All, more.groups), registry)
	if err != nil {
		rules.Close()
		return nil, errors.Join(err, ln.Close())
	}
	firehose, err := kafka.OpenFirehose(brokers, registry, client...)
	if err != nil {
		rules.Close()
		return nil, errors.Join(err, e.Close(), ln.Close())
	}
	d, err := a.newDoors(rules, cluster{brokers, client, registry, firehose, ln.Addr().String(), shadows, e}, metrics)
	if err != nil {
		rules.Close()
		firehose.Close()
		return nil, errors.Join(err, e.Close(), ln.Close())
	}
	h := &http.Server{Protocols: protocols(), Handler: api.New(e, api.Options{Version: version(), Metrics: metrics, Guard: d.guard, Doors: d.all}), ReadHeaderTimeout: a.cfg.HTTP.ReadHeaderTimeout}
	h.RegisterOnShutdown(d.out.Close) // streams are told to come again, elsewhere
	return &server{engine: e, rules: rules, firehose: firehose, doors: d, http: h, ln: ln, dlqs: a.watchDLQs(brokers, client, registry, metrics)}, nil
}

// protocols are those that gRPC needs too: HTTP/2 without TLS.
func protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

func listenHTTP(ctx context.Context, addr string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, coded(exitUnavailable, fmt.Errorf("HTTP address %s is taken by another process; choose another with --http-addr", addr))
	}
	if err != nil {
		return nil, coded(exitUnavailable, fmt.Errorf("HTTP address %s: %w", addr, err))
	}
	return ln, nil
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
	var engineErr, httpErr error
	wg.Go(func() { _ = s.rules.Run(rulesCtx) })
	wg.Go(func() { s.doors.run(ctx) })
	wg.Go(func() {
		defer stopRules()
		defer cancel()
		engineErr = s.engine.Run(ctx)
	})
	wg.Go(func() { s.dlqs(ctx) })
	wg.Go(func() {
		defer cancel()
		if err := s.http.Serve(s.ln); !errors.Is(err, http.ErrServerClosed) {
			httpErr = err
		}
	})
	<-ctx.Done()
	stopCtx, stop := context.WithTimeout(context.WithoutCancel(ctx), c.ShutdownTimeout)
	defer stop()
	shutdownErr := s.http.Shutdown(stopCtx)
	wg.Wait()
	s.doors.close()
	s.rules.Close()
	s.firehose.Close()
	return errors.Join(engineErr, httpErr, shutdownErr, s.engine.Close())
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
