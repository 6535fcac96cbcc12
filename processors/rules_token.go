package processors

import (
	"encoding/hex"

	"payerflow/events"
	"payerflow/tables"
)

const hashBytes = 32 // of HMAC-SHA-256

type token struct{ tables.Token }

func (t *token) team() string { return t.Team }

func (t *token) put(r *Rules, version int32) {
	r.tokens[t.ID] = row[tables.Token]{version, t.Token}
}

func (t *token) drop(r *Rules)                   { delete(r.tokens, t.ID) }
func (t *token) checkDrop(*Rules) []events.Fault { return nil }

func (t *token) check(*Rules) []events.Fault {
	var f faults
	f.unless(len(t.ID) <= maxNameBytes && legalToken.MatchString(t.ID), InvalidName, "/id", "letters, digits and hyphens")
	f.name("/team", t.Team)
	if t.Application != "" {
		f.name("/application", t.Application)
	}
	hash, err := hex.DecodeString(t.Hash)
	f.unless(err == nil && len(hash) == hashBytes, events.InvalidValue, "/hash", "the HMAC-SHA-256 of the secret in hex")
	f.patterns("/scopes/publish", t.Scopes.Publish)
	f.patterns("/scopes/subscribe", t.Scopes.Subscribe)
	f.patterns("/scopes/read", t.Scopes.Read)
	f.patterns("/scopes/breakGlass", t.Scopes.BreakGlass)
	f.unless(!t.ExpiresAt.IsZero(), events.MissingField, "/expiresAt", "every token ends: say when")
	f.unless(t.ExpiresAt.IsZero() || t.ExpiresAt.After(t.CreatedAt), events.InvalidValue, "/expiresAt", "must be after createdAt")
	return f
}
