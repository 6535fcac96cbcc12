// Package stage answers: what does a door stand on? It puts up, for a test, a
// broker with the mediator's topics and rules, tokens and the audit log, all of
// them real, and asks what is served in front of them. Tests alone import it.
package stage

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/internal/embedded"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// Stage is what a door stands on. All of it ends with the test.
type Stage struct {
	testing.TB
	Broker  *embedded.Broker
	Client  *kafka.Client
	Schemas *codecs.Memory
	Control *kafka.Control
	Keys    *access.Keyring
	Audit   *AuditLog    // what doors write down, on the broker and here
	Trail   *audit.Trail // leads there
	Logged  *Log
	URL     string // of what Serve serves

	versions map[string]int32 // of rows that Put wrote
}

// Options are what a stage has beside the mediator's topics and the catalogue's
// event types.
type Options struct {
	Superuser kafka.Login // the broker then asks clients who they are
	Topics    []topology.Topic
}

// Secret is the secret of a stage's tokens and hashes.
func Secret() []byte { return bytes.Repeat([]byte("s"), access.MinSecret) }

// New puts up a stage, whose rules are fresh.
func New(t testing.TB, o Options) *Stage {
	t.Helper()
	s := &Stage{TB: t, Schemas: &codecs.Memory{}, Logged: &Log{}, versions: map[string]int32{}}
	security, err := kafka.Security{Login: o.Superuser}.Options()
	Must(t, err)
	s.Broker = Broker(t, embedded.BrokerConfig{Superuser: embedded.Login{Username: o.Superuser.Username, Password: o.Superuser.Password}})
	s.Client, err = kafka.Dial(t.Context(), s.Brokers(), security...)
	Must(t, err)
	t.Cleanup(s.Client.Close)
	s.Make(append(o.Topics, topologies.Mediator...)...)
	logger := s.Logger()
	s.Keys, err = access.NewKeyring(Secret())
	Must(t, err)
	s.Control, err = kafka.OpenControl(s.Brokers(), s.Schemas, processors.NewRules(topologies.DefaultEventTypes(), Secret()), logger, nil, security...)
	Must(t, err)
	t.Cleanup(s.Control.Close)
	written, err := kafka.OpenAudit(s.Brokers(), s.Schemas, security...)
	Must(t, err)
	t.Cleanup(written.Close)
	s.Audit = &AuditLog{to: written}
	s.Trail = audit.New(s.Audit, processors.NewAuditKeys(Secret()), logger, nil)
	s.Run(s.Control.Run)
	Await(t, "fresh rules", func() bool { _, err := s.Control.Rules(); return err == nil })
	return s
}

// Brokers are the addresses of the stage's broker.
func (s *Stage) Brokers() []string { return []string{s.Broker.Addr()} }

// Logger writes to Logged.
func (s *Stage) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(s.Logged, nil)) }

// Guard is a guard that knows the stage's tokens and writes its refusals down.
func (s *Stage) Guard() *access.Guard {
	g := access.NewGuard(s.Control, s.Keys, nil).Audit(s.Trail)
	s.Run(g.Run)
	return g
}

// Run runs something until the test ends, and waits for its end.
func (s *Stage) Run(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background()) // a test's own ends before its cleanup
	var running sync.WaitGroup
	running.Go(func() { _ = run(ctx) })
	s.Cleanup(func() { cancel(); running.Wait() })
}
