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
		if err := a.demoToken(ctx, c, keys, role, team, scopes); err != nil {
			return err
		}
	}
	return nil
}

// demoToken makes one of them.
func (a *app) demoToken(ctx context.Context, c *kafka.Control, keys *access.Keyring, role, team string, scopes tables.Scopes) error {
	have, err := readCredentials(a.cfg.Engine.DataDir)
	if err != nil {
		return err
	}
	rules, err := c.Rules()
	if err != nil {
		return err
	}
	text := have.Tokens[role]
	if row, there := rules.Token(access.ID(text)); there && keys.Holds(text, row) && row.Valid(time.Now()) {
		return nil
	}
	row, text := keys.Mint(newToken(team, scopes, demoLife))
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
