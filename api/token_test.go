package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// latest is what a tail knows that has read everything.
type latest struct{ rules *processors.Rules }

func (l latest) Rules() (*processors.Rules, error) { return l.rules, nil }
func (latest) Changed() <-chan struct{}            { return nil }

// written are audit records in memory; err refuses them.
type written struct {
	mu      sync.Mutex
	records []events.AuditReceived
	err     error
}

func (w *written) Write(_ context.Context, e events.AuditReceived) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.records = append(w.records, e)
	}
	return w.err
}

// trailed makes a trail that writes to memory.
func trailed(log audit.Log) *audit.Trail {
	return audit.New(log, processors.NewAuditKeys(make([]byte, access.MinSecret)), slog.New(slog.DiscardHandler), nil)
}

// guarded makes a guard that knows one token, and its text.
func guarded(t testing.TB, s tables.Scopes) (*access.Guard, string) {
	t.Helper()
	secret := make([]byte, access.MinSecret)
	keys, err := access.NewKeyring(secret)
	if err != nil {
		t.Fatal(err)
	}
	row, text := keys.Mint(tables.Token{Team: "billing", Scopes: s, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)})
	b, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	rules, outcomes := processors.NewRules(nil, secret).Apply([]processors.Change{{Control: events.Control{Kind: tables.KindToken, Name: row.ID,
		Version: 1, Act: events.ControlPut, Row: string(b), At: 1}}})
	if !outcomes[0].Applied {
		t.Fatal(outcomes[0].Faults)
	}
	return access.NewGuard(latest{rules}, keys, nil).Audit(trailed(&written{})), text
}
