package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payerflow/api/access"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// platformTeam runs the deployment: its tokens may do everything.
const platformTeam = "platform"

func (a *app) tokenCommand() *cobra.Command {
	k := rowKind{use: "token", noun: "token", path: "/v1/tokens", columns: []string{"team", "application", "scopes", "expiresAt", "revoked"},
		example: `  payerflow token create --team care --subscribe 'CLAIM_*' --expires 720h
  payerflow token revoke 5d1f0c2e9a7b44c08a31
  payerflow token bootstrap --brokers kafka-1:9092`}
	return a.rowCommand(k, "Tokens that open the doors", a.createToken, a.turnRow("revoke", "Revoke one token: it opens nothing more, and streams end within 2 s"),
		a.printToken, a.bootstrapToken)
}

func (a *app) createToken(k rowKind, base *string) *cobra.Command {
	var team, application, why string
	var s tables.Scopes
	var expires time.Duration
	cmd := &cobra.Command{Use: "create", Short: "Make a token and show it, once", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			body := map[string]any{"team": team, "application": application, "scopes": s, "expiresAt": time.Now().Add(expires).UTC().Truncate(time.Second)}
			var made madeToken
			q := question{role: roleAdmin, base: *base, method: http.MethodPost, path: k.path, body: body, query: url.Values{"why": {why}}}
			if _, err := a.call(cmd.Context(), q, &made); err != nil {
				return err
			}
			return a.showToken(made)
		}}
	f := cmd.Flags()
	f.StringVar(&team, "team", "", "whose token it is")
	f.StringVar(&application, "application", "", "one application of the team")
	f.StringSliceVar(&s.Publish, "publish", nil, "event types that it may publish: names or patterns")
	f.StringSliceVar(&s.Subscribe, "subscribe", nil, "event types that it may subscribe to: names or patterns")
	f.StringSliceVar(&s.Read, "read", nil, "views that it may read: names or patterns")
	f.StringSliceVar(&s.BreakGlass, "break-glass", nil, "views and classes that it may open for itself, for an hour at most: names or patterns")
	f.BoolVar(&s.Audit, "audit", false, "it may ask the audit")
	f.BoolVar(&s.Admin, "admin", false, "it may do everything, of every team")
	f.DurationVar(&expires, "expires", 90*24*time.Hour, "how long it is valid")
	whyFlag(cmd, &why)
	_ = cmd.MarkFlagRequired("team")
	return cmd
}

// madeToken is a token as it is shown once.
type madeToken struct {
	Token   string       `json:"token"`
	Name    string       `json:"name"`
	Version int32        `json:"version"`
	Row     tables.Token `json:"row"`
}

func (a *app) showToken(m madeToken) error {
	m.Row.Hash = ""
	if err := a.show(m, []string{"token", "team", "expires"}, [][]string{{m.Token, m.Row.Team, m.Row.ExpiresAt.Format(time.RFC3339)}}); err != nil {
		return err
	}
	fmt.Fprintln(a.errOut, "Keep the token now: nobody can show it again.")
	return nil
}

func (a *app) printToken(rowKind, *string) *cobra.Command {
	roles := []string{roleAdmin, rolePublisher, roleSubscriber, roleReader}
	return &cobra.Command{Use: "print ROLE", Short: "Print the demonstration's token of a role, for scripts", ValidArgs: roles, Args: exactly(1),
		Long:    "Print the demonstration's token of a role (" + strings.Join(roles, ", ") + "), as credentials.json in --data-dir has it.",
		Example: `  curl -H "Authorization: Bearer $(payerflow token print reader)" http://127.0.0.1:8080/v1/views`,
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains(roles, args[0]) {
				return coded(exitUsage, fmt.Errorf("a role is one of %s", strings.Join(roles, ", ")))
			}
			c, err := readCredentials(a.cfg.Engine.DataDir)
			if err != nil {
				return err
			}
			if c.Tokens[args[0]] == "" {
				return coded(exitNotFound, fmt.Errorf("there is no such token in %s; payerflow demo writes it", a.cfg.Engine.DataDir))
			}
			_, err = fmt.Fprintln(a.out, c.Tokens[args[0]])
			return err
		}}
}

func (a *app) bootstrapToken(rowKind, *string) *cobra.Command {
	var force bool
	var expires time.Duration
	cmd := &cobra.Command{Use: "bootstrap", Short: "Make the first administrator's token of a deployment", Args: exactly(0),
		Long: `Write the first administrator's token to the control log, through the brokers and not through a door. It needs
a user that may write there (broker.sasl), and the deployment's secret (security.secret-file). Where there is a
valid administrator's token already it refuses, unless with --force.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts, err := a.client()
			if err != nil {
				return err
			}
			return a.withRules(cmd.Context(), a.cfg.Broker.Seeds, opts, a.schemas(), func(ctx context.Context, c *kafka.Control, keys *access.Keyring) error {
				rules, err := c.Rules()
				if err != nil {
					return err
				}
				if !force && slices.ContainsFunc(rules.Tokens(), func(t tables.Token) bool { return t.Scopes.Admin && t.Valid(time.Now()) }) {
					return coded(exitDifferent, errors.New("there is an administrator's token already; --force makes another"))
				}
				row, text := keys.Mint(newToken(platformTeam, tables.Scopes{Admin: true}, expires))
				if err := putToken(ctx, c, row, "bootstrap"); err != nil {
					return err
				}
				return a.showToken(madeToken{Token: text, Name: row.ID, Version: 1, Row: row})
			})
		}}
	cmd.Flags().BoolVar(&force, "force", false, "make one though there is one")
	cmd.Flags().DurationVar(&expires, "expires", 90*24*time.Hour, "how long it is valid")
	return cmd
}

func newToken(team string, s tables.Scopes, life time.Duration) tables.Token {
	created := time.Now().UTC().Truncate(time.Second)
	return tables.Token{Team: team, Scopes: s, CreatedAt: created, ExpiresAt: created.Add(life)}
}

// putToken brings a token into force.
func putToken(ctx context.Context, c *kafka.Control, row tables.Token, why string) error {
	return putRow(ctx, c, tables.KindToken, row.ID, row, why)
}

// putRow brings the first version of a row into force.
func putRow(ctx context.Context, c *kafka.Control, kind, name string, row any, why string) error {
	b, err := json.Marshal(row)
	if err != nil {
		return err
	}
	o, err := c.Change(ctx, events.Control{Kind: kind, Name: name, Version: 1, Act: events.ControlPut, Row: string(b), By: "local", Why: why, At: events.InstantOf(time.Now())})
	if err != nil {
		return coded(exitUnavailable, err)
	}
	if !o.Applied {
		return fmt.Errorf("the %s is refused: %s %s", kind, o.Faults[0].At, o.Faults[0].Reason)
	}
	return nil
}

// freshWithin is how long a command waits until it knows all rules.
const freshWithin = 30 * time.Second

// withRules follows the rules for as long as do works with them.
func (a *app) withRules(ctx context.Context, brokers []string, client []kafka.Option, s topology.Schemas, do func(context.Context, *kafka.Control, *access.Keyring) error) error {
	secret, err := a.secret()
	if err != nil {
		return err
	}
	keys, err := access.NewKeyring(secret)
	if err != nil {
		return coded(exitUsage, err)
	}
	c, err := kafka.OpenControl(brokers, s, processors.NewRules(topologies.DefaultEventTypes(), secret), a.log, nil, client...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Run(ctx)
	}()
	defer func() { cancel(); <-done; c.Close() }()
	if err := fresh(ctx, c); err != nil {
		return coded(exitUnavailable, err)
	}
	return do(ctx, c, keys)
}

// fresh waits until all rules are known.
func fresh(ctx context.Context, c *kafka.Control) error {
	ctx, cancel := context.WithTimeout(ctx, freshWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := c.Rules()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the rules cannot be read from the brokers (is the topic mediator.control there?): %w", err)
		case <-tick.C:
		}
	}
}
