package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"payerflow/codecs"
	"payerflow/config"
	"payerflow/connectors/kafka"
	"payerflow/internal/embedded"
	"payerflow/internal/topology"
)

func (a *app) demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run everything in one process: broker, registry, worker and made-up claims",
		Long: `Run a broker, a schema registry, the worker with all views, and a generator of made-up claims in one
process, with nothing installed. State stays in --data-dir: the next start goes on where this one ended.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), false) },
	}
	demoFlags(cmd)
	cmd.AddCommand(a.kaasCommand())
	return cmd
}

func demoFlags(cmd *cobra.Command) {
	d := config.Default()
	f := cmd.Flags()
	f.String("http-addr", d.HTTP.Addr, "address of the HTTP surface, host:port")
	f.String("kafka-addr", d.Demo.KafkaAddr, "address of the embedded broker, host:port")
	f.String("registry-addr", d.Demo.RegistryAddr, "address of the embedded schema registry, host:port")
	f.Float64("rate", d.Demo.Rate, "made-up events a second")
	f.Uint64("seed", d.Demo.Seed, "what is made up: the same seed, the same claims")
	f.Bool("traffic", d.Demo.Traffic, "make up claims; --traffic=false for none")
	f.Bool("store", d.Demo.Store, "keep events in an event store of its own; --store=false for none")
}

// demo starts from the bottom up and stops from the top down; with the
// topic-request process where that is asked for.
func (a *app) demo(ctx context.Context, topicRequests bool) (err error) {
	c := a.cfg
	admin, err := a.demoAdmin()
	if err != nil {
		return err
	}
	opts, err := kafka.Security{Login: admin}.Options()
	if err != nil {
		return err
	}
	super := embedded.Login{Username: admin.Username, Password: admin.Password}
	broker, err := embedded.StartBroker(ctx, embedded.BrokerConfig{Addr: c.Demo.KafkaAddr, DataDir: filepath.Join(c.Engine.DataDir, "broker"), Superuser: super, Logger: a.log})
	if err != nil {
		return portFlag(err)
	}
	defer func() { err = errors.Join(err, broker.Close()) }()
	brokers := []string{broker.Addr()}
	registry, err := embedded.StartRegistry(ctx, embedded.RegistryConfig{Addr: c.Demo.RegistryAddr, Brokers: brokers, Client: opts, Writer: super, Logger: a.log})
	if err != nil {
		return portFlag(err)
	}
	defer func() { err = errors.Join(err, registry.Close()) }()
	client, err := kafka.Dial(ctx, brokers, opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := prepare(ctx, client, codecs.OpenRegistry(asWriter(registry.URL(), admin)), a.demoStores()); err != nil {
		return err
	}
	if topicRequests {
		if err := prepareKaaS(ctx, client, codecs.OpenRegistry(asWriter(registry.URL(), admin))); err != nil {
			return err
		}
	}
	if err := a.demoTeamLogin(ctx, client, addresses{broker.Addr(), strings.TrimPrefix(registry.URL(), "http://"), a.demoStores()}); err != nil {
		return err
	}
	if err := errors.Join(a.demoSecret(), a.demoAuthority()); err != nil {
		return err
	}
	if err := a.certify(c.Engine.DataDir); err != nil {
		return err
	}
	if err := a.withRules(ctx, brokers, opts, codecs.OpenRegistry(registry.URL()), a.demoTokens); err != nil {
		return err
	}
	var more extension
	if topicRequests {
		if err := a.withRules(ctx, brokers, opts, codecs.OpenRegistry(registry.URL()), a.registerKaaS); err != nil {
			return err
		}
		k, failed := a.openKaaS(ctx, client)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, k.close()) }()
		more = k.extension()
		a.announceKaaS(k)
	}
	keep, closeStore, err := a.demoStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStore()) }()
	more.store, more.free = keep, broker.Free
	s, err := a.newServer(ctx, brokers, opts, registry.URL(), more)
	if err != nil {
		return err
	}
	return a.runDemo(ctx, s, client, broker.Addr(), registry.URL())
}

func (a *app) runDemo(ctx context.Context, s *server, client *kafka.Client, kafkaAddr, registryURL string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a.announce(s.addr(), kafkaAddr, registryURL)
	var wg sync.WaitGroup
	var trafficErr error
	if a.cfg.Demo.Traffic {
		wg.Go(func() {
			if trafficErr = a.makeTraffic(ctx, client, codecs.OpenRegistry(registryURL)); trafficErr != nil {
				cancel()
			}
		})
	}
	err := s.run(ctx, a.cfg.HTTP)
	cancel()
	wg.Wait()
	if err == nil && trafficErr == nil {
		fmt.Fprintln(a.out, "Stopped. The next start goes on with the same state.")
	}
	return errors.Join(err, trafficErr)
}

// prepare makes the topics, as far as one broker can, and registers the schemas.
func prepare(ctx context.Context, client *kafka.Client, schemas *codecs.Registry, stored bool) error {
	if err := makeTopics(ctx, client, declaredTopics(stored)); err != nil {
		return err
	}
	_, err := registerSchemas(schemas)
	return err
}

// makeTopics makes topics as far as one broker can.
func makeTopics(ctx context.Context, client *kafka.Client, topics []topology.Topic) error {
	r := kafka.Required.CappedTo(1)
	changes, err := client.Diff(ctx, topics, r)
	if err != nil {
		return err
	}
	return client.Apply(ctx, changes, r, func(kafka.Change) {})
}

func (a *app) announce(httpAddr, kafkaAddr, registryURL string) {
	demo := a.cfg.Demo
	traffic := fmt.Sprintf("%g made-up events a second, seed %d (--rate, --seed, --traffic=false)", demo.Rate, demo.Seed)
	if !demo.Traffic {
		traffic = "none (--traffic=false)"
	}
	flags := ""
	if d := config.Default(); kafkaAddr != d.Broker.Seeds[0] {
		flags += " --brokers " + kafkaAddr
	}
	if registryURL != config.Default().Registry.URL {
		flags += " --registry " + registryURL
	}
	dir, where := a.cfg.Engine.DataDir, ""
	if dir != config.Default().Engine.DataDir {
		where = " --data-dir " + dir
		flags += where
	}
	url := ""
	if httpAddr != config.Default().HTTP.Addr {
		url = " --url http://" + httpAddr
	}
	fmt.Fprintf(a.out, `payerflow demo

  broker      %s        Kafka protocol, any client, SASL SCRAM-SHA-512
  registry    %s   Confluent REST API
  portal      http://%s/portal/   sign in with: %s token print admin%s
  views       http://%s/v1/views   (also /docs, /readyz, /metrics)
  traffic     %s
  state       %s
  credentials %s   tokens of each role; of the broker: kafka.admin, and kafka.team for a team's client

Try next, in another terminal:

  curl -s -H "Authorization: Bearer $(%s token print reader%s)" 'http://%s/v1/views/claim-status?limit=2'
  %s publish --file testdata/events/claims-day.ndjson%s
  %s view get claim-status %s%s

Ctrl-C stops; the next start goes on with the same state.
`, kafkaAddr, registryURL, httpAddr, program(), where, httpAddr, traffic, dir, filepath.Join(dir, credentialsFile), program(), where, httpAddr, program(), flags, program(), sampleClaim, where+url)
}
