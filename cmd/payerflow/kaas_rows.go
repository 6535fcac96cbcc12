package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"payerflow/api/access"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/tables"
)

//go:embed kaas_rows.yaml
var kaasRows []byte

// kaasRow is one row that the topic-request process needs.
type kaasRow struct {
	Kind string         `yaml:"kind"`
	Name string         `yaml:"name"`
	Row  map[string]any `yaml:"row"`
}

const (
	kaasTeam = "kaas"
	roleKaaS = "kaas"
)

// kaasScopes are what the process and its commands may do.
var kaasScopes = tables.Scopes{Publish: []string{"KaaS-*", "Authorizer-*"}, Subscribe: []string{"KaaS-*", "Authorizer-*"}, Read: []string{"topic-requests"}}

// registerKaaS brings the rows into force that are not there yet, and makes
// the token.
func (a *app) registerKaaS(ctx context.Context, c *kafka.Control, keys *access.Keyring) error {
	var rows []kaasRow
	if err := yaml.Unmarshal(kaasRows, &rows); err != nil {
		return err
	}
	for _, r := range rows {
		rules, err := c.Rules()
		if err != nil {
			return err
		}
		if rules.Version(r.Kind, r.Name) > 0 {
			continue // what somebody has changed stays
		}
		text, err := r.text()
		if err != nil {
			return err
		}
		o, err := kafka.Provisioned{Control: c}.Change(ctx, events.Control{Kind: r.Kind, Name: r.Name, Version: 1, Act: events.ControlPut, Row: text, By: "local", Why: "demo kaas", At: events.InstantOf(time.Now())})
		if err != nil {
			return coded(exitUnavailable, err)
		}
		if !o.Applied {
			return fmt.Errorf("%s %s is refused: %s %s", r.Kind, r.Name, o.Faults[0].At, o.Faults[0].Reason)
		}
	}
	return a.demoToken(ctx, c, keys, roleKaaS, newToken(kaasTeam, kaasScopes, demoLife))
}

// text is the row as a control event has it.
func (r kaasRow) text() (string, error) {
	if r.Kind == tables.KindEventType {
		r.Row["name"], r.Row["version"], r.Row["owner"], r.Row["state"] = r.Name, 1, kaasTeam, tables.StateActive
		for _, member := range []string{"schema", "sample"} {
			if r.Row[member] == nil {
				continue
			}
			b, err := json.Marshal(r.Row[member])
			if err != nil {
				return "", err
			}
			r.Row[member] = string(b)
		}
	}
	b, err := json.Marshal(r.Row)
	return string(b), err
}
