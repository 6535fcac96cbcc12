package kafka

import (
	"context"
	"errors"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// PartitionsFixed is the reason code of a subscription that wants another
// number of partitions than its topic has.
const PartitionsFixed = "PARTITIONS_FIXED"

// Provisioned is [Control], and with each change of a subscription what that
// needs on the cluster, also where a proposal changes it. Doors take it in place of a Control.
type Provisioned struct{ *Control }

// Change is [Control.Change]. A subscription that becomes active has its topic
// before anything is routed to it, and then its team may read it; from one that
// ends its team's access is gone when this returns. What fails after the change
// is in force is mended by [Upkeep], and no error.
func (p Provisioned) Change(ctx context.Context, e events.Control) (processors.Outcome, error) {
	if e.Kind != tables.KindSubscription && (e.Kind != tables.KindProposal || e.Act != events.ControlApply && e.Act != events.ControlExpire) {
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

// prepare makes the topics of subscriptions that are to become active, unless
// the change will be refused.
func (p Provisioned) prepare(ctx context.Context, e events.Control) ([]events.Fault, error) {
	rules, err := p.Rules()
	if err != nil {
		return nil, err
	}
	next, out := rules.Apply([]processors.Change{{Offset: rules.Offset(), Control: e}})
	if !out[0].Applied {
		return nil, nil // Control says what is wrong
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	for _, s := range next.Subscriptions() {
		before, _ := rules.Subscription(s.ID())
		if s.State != tables.StateActive || rules.Version(tables.KindSubscription, s.ID()) == next.Version(tables.KindSubscription, s.ID()) && before.State == s.State {
			continue
		}
		err := p.sender.CreateConsumerTopic(ctx, s)
		if errors.Is(err, ErrPartitions) {
			return []events.Fault{{ReasonCode: PartitionsFixed, At: "/partitions", Reason: s.ID() + ": " + ErrPartitions.Error()}}, nil
		}
		if err != nil {
			return nil, away(err)
		}
	}
	return nil, nil
}
