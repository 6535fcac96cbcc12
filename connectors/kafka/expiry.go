package kafka

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// expiryEvery is how often a worker looks for proposals whose time is over, at
// the latest.
const expiryEvery = 10 * time.Second

// Expiry ends proposals when their time has come, in every worker: the first
// to write it is taken.
type Expiry struct {
	Rules Provisioned
	Log   *slog.Logger
}

// Run works until ctx ends. What fails is logged, and tried again.
func (x Expiry) Run(ctx context.Context) error {
	for {
		changed := x.Rules.Changed()
		wait := expiryEvery
		if rules, err := x.Rules.Rules(); err == nil {
			wait = x.once(ctx, rules)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(wait):
		}
	}
}

// once ends what is over, and says when to look again.
func (x Expiry) once(ctx context.Context, rules *processors.Rules) time.Duration {
	wait := expiryEvery
	by := tables.Decider{Token: "payerflow"}
	row, err := json.Marshal(by)
	if err != nil {
		return wait
	}
	for _, p := range rules.Proposals() {
		if !p.Expires() {
			continue
		}
		if left := time.Until(p.Until); left > 0 {
			wait = min(wait, left)
			continue
		}
		o, err := x.Rules.Change(ctx, events.Control{Kind: tables.KindProposal, Name: p.ID, Version: rules.Version(tables.KindProposal, p.ID) + 1,
			Act: events.ControlExpire, Row: string(row), By: by.Token, Why: "its time is over", At: events.InstantOf(time.Now())})
		if err != nil && ctx.Err() == nil {
			x.Log.Warn("a proposal cannot be ended yet", "proposal", p.ID, "error", err)
			wait = time.Second
		} else if o.Applied {
			x.Log.Info("a proposal has expired", "proposal", p.ID)
		}
	}
	return wait
}
