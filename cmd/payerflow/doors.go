package main

import (
	"context"
	"sync"

	"payerflow/api"
	"payerflow/api/access"
	"payerflow/api/intake"
	"payerflow/api/rules"
	"payerflow/connectors/kafka"
)

// doors are what others come in by, who guards them, and what works behind
// them.
type doors struct {
	guard *access.Guard
	all   []api.Door
	work  []func(context.Context) error
}

func (a *app) newDoors(control *kafka.Control, firehose *kafka.Firehose) (*doors, error) {
	keys, err := a.keyring()
	if err != nil {
		return nil, err
	}
	in := intake.New(intake.Options{Rules: func() (intake.Snapshot, error) { return control.Rules() }, Firehose: firehose, Log: a.log})
	d := &doors{guard: access.NewGuard(control, keys, a.issuer())}
	upkeep := &kafka.Upkeep{Rules: control, Log: a.log}
	d.all = []api.Door{&rules.Door{Log: kafka.Provisioned{Control: control}, Keys: keys, Logger: a.log}, in}
	d.work = []func(context.Context) error{d.guard.Run, upkeep.Run}
	return d, nil
}

// run works until ctx ends.
func (d *doors) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, w := range d.work {
		wg.Go(func() { _ = w(ctx) }) // they end with ctx alone
	}
	wg.Wait()
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
	c := a.cfg.Security.OIDC
	if c.Issuer == "" {
		return nil
	}
	return access.NewProvider(access.OIDC{Issuer: c.Issuer, Audience: c.Audience, TeamClaim: c.TeamClaim, ScopesClaim: c.ScopesClaim}, nil)
}
