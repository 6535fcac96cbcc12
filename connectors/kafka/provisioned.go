package kafka

import (
	"context"
	"encoding/json"
	"errors"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// PartitionsFixed is the reason code of a subscription that wants another
// number of partitions than its topic has.
const PartitionsFixed = "PARTITIONS_FIXED"

// Provisioned is [Control], and with each change of a subscription what that
// needs on the cluster. Doors take it in place of a Control.
type Provisioned struct{ *Control }

// Change is [Control.Change]. A subscription that becomes active has its topic
// before anything is routed to it, and then its team may read it; from one that
// ends its team's access is gone when this returns. What fails after the change
// is in force is mended by [Upkeep], and no error.
func (p Provisioned) Change(ctx context.Context, e events.Control) (processors.Outcome, error) {
	if e.Kind != tables.KindSubscription {
		return p.Control.Change(ctx, e)
	}
	if refused, err := p.prepare(ctx, e); err != nil || refused != nil {
		return processors.Outcome{Offset: -1, Faults: refused}, err
	}
	o, err := p.Control.Change(ctx, e)
	if err != nil || !o.Applied {
		return o, err
	}
	if rules, err := p.Rules(); err != nil {
		p.log.Warn("access rules are not up to date yet", "error", err)
	} else if _, err := p.sender.Grant(ctx, rules.Subscriptions()); err != nil {
		p.log.Warn("access rules are not up to date yet", "error", err)
	}
	return o, nil
}

// prepare makes the topic of a subscription that is to become active, unless
// the change will be refused.
func (p Provisioned) prepare(ctx context.Context, e events.Control) ([]events.Fault, error) {
	var s tables.Subscription
	rules, err := p.Rules()
	if err != nil {
		return nil, err
	}
	if e.Act != events.ControlPut || len(rules.Check(e)) > 0 || json.Unmarshal([]byte(e.Row), &s) != nil || s.State != tables.StateActive {
		return nil, nil // Control says what is wrong
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	err = p.sender.CreateConsumerTopic(ctx, s)
	if errors.Is(err, ErrPartitions) {
		return []events.Fault{{ReasonCode: PartitionsFixed, At: "/partitions", Reason: ErrPartitions.Error()}}, nil
	}
	if err != nil {
		return nil, away(err)
	}
	return nil, nil
}
