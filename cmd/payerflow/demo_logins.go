package main

import (
	"context"
	"errors"

	"payerflow/connectors/kafka"
)

// demoAdmin is who may do everything on the demonstration's broker. The first
// start makes its password.
func (a *app) demoAdmin() (kafka.Login, error) {
	c, err := readCredentials(a.cfg.Engine.DataDir)
	if err != nil {
		return kafka.Login{}, err
	}
	if l, known := c.Kafka[roleAdmin]; known && l.Password != "" {
		return l, nil
	}
	l := newLogin("admin")
	return l, a.keepLogin(roleAdmin, l)
}

// demoTeamLogin gives the demonstration's team its principal, and notes where
// the servers listen, whose credentials these are.
func (a *app) demoTeamLogin(ctx context.Context, client *kafka.Client, at addresses) error {
	c, err := readCredentials(a.cfg.Engine.DataDir)
	if err != nil {
		return err
	}
	l, known := c.Kafka[roleTeam]
	if !known || l.Password == "" {
		l = newLogin(kafka.TeamUser(demoTeam))
	}
	if _, err := client.SetCredentials(ctx, demoTeam, l.Password, !known); err != nil && !errors.Is(err, kafka.ErrHasCredentials) {
		return err
	}
	if err := a.keepLogin(roleTeam, l); err != nil {
		return err
	}
	return updateCredentials(a.cfg.Engine.DataDir, func(c *credentials) { c.Demo = at })
}

func (a *app) keepLogin(role string, l kafka.Login) error {
	return updateCredentials(a.cfg.Engine.DataDir, func(c *credentials) {
		if c.Kafka == nil {
			c.Kafka = map[string]kafkaCredentials{}
		}
		c.Kafka[role] = l
	})
}
