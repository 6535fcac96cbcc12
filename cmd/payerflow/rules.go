package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/api/access"
	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// openRules follows the mediator's rules, from the catalogue's event types on.
func (a *app) openRules(brokers []string, client []kafka.Option, s topology.Schemas, metrics prometheus.Registerer) (*kafka.Control, error) {
	secret, err := a.secret()
	if err != nil {
		return nil, err
	}
	return kafka.OpenControl(brokers, s, processors.NewRules(topologies.DefaultEventTypes(), secret), a.log, metrics, client...)
}

// pins give the groups that are pinned what they are pinned to.
func (a *app) pins(rules *kafka.Control, shadows *processors.ShadowCounts, routed *processors.RoutedCounts) (map[string]func() (topology.Pinned, error), error) {
	secret, err := a.secret()
	if err != nil {
		return nil, err
	}
	signer := processors.NewAuditSigner(secret)
	return map[string]func() (topology.Pinned, error){
		topologies.Router.Name:       inForce(rules, shadows, routed),
		topologies.Audit.Name:        func() (topology.Pinned, error) { return signer, nil },
		topologies.GracePeriods.Name: gracePolicies(rules),
	}, nil
}

// inForce pins each transaction of the router to the rules as they are then.
func inForce(c *kafka.Control, shadows *processors.ShadowCounts, routed *processors.RoutedCounts) func() (topology.Pinned, error) {
	return func() (topology.Pinned, error) {
		rules, err := c.Rules()
		if err != nil {
			return nil, err
		}
		return processors.NewInForce(rules, time.Now()).Counting(shadows, routed), nil
	}
}

// gracePolicies pins each transaction of the group that follows grace periods
// to the policies as they are then.
func gracePolicies(c *kafka.Control) func() (topology.Pinned, error) {
	return func() (topology.Pinned, error) {
		rules, err := c.Rules()
		if err != nil {
			return nil, err
		}
		return rules.Graces(), nil
	}
}

func (a *app) secretFile() string {
	if f := a.cfg.Security.SecretFile; f != "" {
		return f
	}
	return filepath.Join(a.cfg.Engine.DataDir, "secret")
}

// secret reads the deployment's secret.
func (a *app) secret() ([]byte, error) {
	b, err := access.ReadSecret(a.secretFile())
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("there is no secret at %s: make one, and give every worker the same: (umask 077; head -c 32 /dev/urandom > %[1]s), or name another file with security.secret-file", a.secretFile())
	}
	return b, coded(exitUsage, err)
}

// demoSecret makes the demonstration's secret at its first start.
func (a *app) demoSecret() error {
	if _, err := os.Stat(a.secretFile()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	secret := make([]byte, access.MinSecret)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	return writePrivate(a.secretFile(), secret)
}
