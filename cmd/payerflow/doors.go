package main

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/api"
	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/booking"
	"payerflow/api/compliance"
	"payerflow/api/consume"
	"payerflow/api/deadletters"
	"payerflow/api/intake"
	"payerflow/api/portal"
	"payerflow/api/rules"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// doors are what others come in by, who guards them, and what works behind
// them.
type doors struct {
	guard  *access.Guard
	all    []api.Door
	copies *kafka.Copies
	audit  *kafka.Audit
	out    *consume.Door
	keep   *keeper // nil: no event store
	portal *portal.Door
	work   []func(context.Context) error

	trail     *audit.Trail
	keys      *access.Keyring
	auditKeys processors.AuditKeys
}

// cluster is what doors work on, and where this worker is.
type cluster struct {
	brokers  []string
	opts     []kafka.Option
	registry *codecs.Registry
	firehose *kafka.Firehose
	worker   string // HTTP address
	shadows  *processors.ShadowCounts
	views    topology.Views
	store    string                // address of the event store; "": none
	free     func() (int64, error) // bytes that the broker's disk has left; nil: the brokers tell
	spans    tracing
}

// newReaders are the doors of a process that is read from alone: none but those
// of the views. Who reads is guarded and written down.
func (a *app) newReaders(control *kafka.Control, c cluster, metrics prometheus.Registerer) (*doors, error) {
	keys, err := a.keyring()
	if err != nil {
		return nil, err
	}
	secret, err := a.secret()
	if err != nil {
		return nil, err
	}
	log, err := kafka.OpenAudit(c.brokers, c.registry, watchedClient(c.opts, metrics, "audit")...)
	if err != nil {
		return nil, err
	}
	d := &doors{audit: log, keys: keys, auditKeys: processors.NewAuditKeys(secret)}
	d.trail = audit.New(log, d.auditKeys, a.log, metrics)
	d.guard = access.NewGuard(control, keys, a.issuer()).Audit(d.trail)
	d.work = []func(context.Context) error{d.guard.Run, d.trail.Run}
	if d.portal, err = a.newPortal(d.guard); err != nil {
		d.close()
		return nil, err
	}
	d.all = []api.Door{d.portal}
	return d, nil
}

func (a *app) newDoors(control *kafka.Control, c cluster, metrics prometheus.Registerer) (*doors, error) {
	d, err := a.newReaders(control, c, metrics)
	if err != nil {
		return nil, err
	}
	copies, err := kafka.OpenCopies(c.brokers, c.registry, c.worker, c.opts...)
	if err != nil {
		d.close()
		return nil, err
	}
	d.copies = copies
	if d.keep, err = a.newKeeper(c.store, c, metrics); err != nil {
		d.close()
		return nil, err
	}
	in := intake.New(intake.Options{Rules: func() (intake.Snapshot, error) { return control.Rules() }, Firehose: c.firehose, Log: a.log, Metrics: metrics, Traces: c.spans.of()})
	metrics.MustRegister(kafka.ShadowMetrics{Rules: control, Counts: c.shadows})
	upkeep := &kafka.Upkeep{Rules: control, Log: a.log}
	d.out = consume.New(consume.Options{Copies: copies, Rules: control, Worker: c.worker, Limits: consume.DefaultLimits(), Log: a.log, Metrics: metrics})
	letters := func() *kafka.DeadLetters {
		return &kafka.DeadLetters{Brokers: c.brokers, Schemas: c.registry, Options: c.opts}
	}
	changes := audit.Over(kafka.Provisioned{Control: control})
	secret, err := a.secret()
	if err != nil {
		d.close()
		return nil, err
	}
	officer := &compliance.Door{Log: changes, Keys: d.auditKeys, Views: viewNames(),
		Ledger: kafka.AuditLedger{Reader: kafka.AuditReader{Brokers: c.brokers, Schemas: c.registry, Options: c.opts}, Key: processors.NewAuditSigner(secret).Public()}}
	closer := compliance.NewCloser(kafka.Provisioned{Control: control}, d.trail, a.log, metrics)
	d.all = []api.Door{d.portal, officer, d.out, &rules.Door{Log: changes, Keys: d.keys, Logger: a.log,
		Recorded: kafka.Recorded{Brokers: c.brokers, Schemas: c.registry, Options: c.opts},
		Worker:   c.worker, Workers: copies.Workers, Shadows: c.shadows}, in, deadletters.New(control, letters, a.log),
		&booking.Door{Intake: in, Views: c.views}, d.keep.door(d.guard, a.log)}
	expiry := kafka.Expiry{Rules: kafka.Provisioned{Control: control}, Log: a.log}
	d.work = append(d.work, upkeep.Run, expiry.Run, closer.Run, d.keep.run, d.keep.expire)
	return d, nil
}

// viewNames are all views that are served.
func viewNames() (names []string) {
	for _, g := range topologies.All {
		if g.View.Name != "" {
			names = append(names, g.View.Name)
		}
	}
	return names
}

// run works until ctx ends.
func (d *doors) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, w := range d.work {
		wg.Go(func() { _ = w(ctx) }) // they end with ctx alone
	}
	wg.Wait()
}

func (d *doors) close() {
	if d.out != nil {
		d.out.Close()
	}
	if d.copies != nil {
		d.copies.Close()
	}
	d.keep.close()
	d.audit.Close()
}

func (a *app) keyring() (*access.Keyring, error) {
	secret, err := a.secret()
	if err != nil {
		return nil, err
	}
	keys, err := access.NewKeyring(secret)
	return keys, coded(exitUsage, err)
}

// issuer is the OpenID provider that is configured, or none.
func (a *app) issuer() access.Issuer {
	if p := a.provider(); p != nil {
		return p
	}
	return nil
}

func (a *app) provider() *access.Provider {
	c := a.cfg.Security.OIDC
	if c.Issuer == "" {
		return nil
	}
	return access.NewProvider(access.OIDC{Issuer: c.Issuer, Audience: c.Audience, TeamClaim: c.TeamClaim, ScopesClaim: c.ScopesClaim}, nil)
}
