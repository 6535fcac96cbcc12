package main

import (
	"context"
	"time"

	"payerflow/api/access"
	"payerflow/connectors/kafka"
	"payerflow/tables"
)

// demoLife is how long the demonstration's tokens are valid.
const demoLife = 366 * 24 * time.Hour

// demoScopes are what the demonstration's tokens may do.
var demoScopes = map[string]tables.Scopes{
	roleAdmin:      {Admin: true},
	rolePublisher:  {Publish: []string{"*"}},
	roleSubscriber: {Subscribe: []string{"*"}},
	roleReader:     {Read: []string{"*"}},
}

// demoTokens makes the tokens that are not there yet, or that have ended.
func (a *app) demoTokens(ctx context.Context, c *kafka.Control, keys *access.Keyring) error {
	for role, scopes := range demoScopes {
		team := demoTeam
		if role == roleAdmin {
			team = platformTeam
		}
		row := newToken(team, scopes, demoLife)
		if role == roleReader {
			row.Application = demoDesk
		}
		if err := a.demoToken(ctx, c, keys, role, row); err != nil {
			return err
		}
	}
	return demoPermissions(ctx, c)
}

// demoDesk is the application of the demonstration's reader. It may see what
// made-up claims hold; its team, which gets copies of events, may not.
const demoDesk = "desk"

// demoPermissions lets the desk see all classes of the catalogue.
func demoPermissions(ctx context.Context, c *kafka.Control) error {
	rules, err := c.Rules()
	if err != nil {
		return err
	}
	for _, class := range []string{tables.ClassPHI, tables.ClassPII, tables.ClassBank} {
		p := tables.Permission{Team: demoTeam, Application: demoDesk, Class: class}
		if rules.Version(tables.KindPermission, p.ID()) > 0 {
			continue
		}
		if err := putRow(ctx, c, tables.KindPermission, p.ID(), p, "demo"); err != nil {
			return err
		}
	}
	return nil
}

// demoToken makes one of them.
func (a *app) demoToken(ctx context.Context, c *kafka.Control, keys *access.Keyring, role string, wanted tables.Token) error {
	have, err := readCredentials(a.cfg.Engine.DataDir)
	if err != nil {
		return err
	}
	rules, err := c.Rules()
	if err != nil {
		return err
	}
	text := have.Tokens[role]
	if row, there := rules.Token(access.ID(text)); there && keys.Holds(text, row) && row.Valid(time.Now()) && row.Application == wanted.Application {
		return nil
	}
	row, text := keys.Mint(wanted)
	if err := putToken(ctx, c, row, "demo"); err != nil {
		return err
	}
	return updateCredentials(a.cfg.Engine.DataDir, func(c *credentials) {
		if c.Tokens == nil {
			c.Tokens = map[string]string{}
		}
		c.Tokens[role] = text
	})
}
