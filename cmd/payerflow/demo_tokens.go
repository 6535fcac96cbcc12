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
	have, err := readCredentials(a.cfg.Engine.DataDir)
	if err != nil {
		return err
	}
	rules, err := c.Rules()
	if err != nil {
		return err
	}
	for role, scopes := range demoScopes {
		text := have.Tokens[role]
		if row, there := rules.Token(access.ID(text)); there && keys.Holds(text, row) && row.Valid(time.Now()) {
			continue
		}
		team := demoTeam
		if role == roleAdmin {
			team = platformTeam
		}
		row, text := keys.Mint(newToken(team, scopes, demoLife))
		if err := putToken(ctx, c, row, "demo"); err != nil {
			return err
		}
		if err := updateCredentials(a.cfg.Engine.DataDir, func(c *credentials) {
			if c.Tokens == nil {
				c.Tokens = map[string]string{}
			}
			c.Tokens[role] = text
		}); err != nil {
			return err
		}
	}
	return nil
}
