package kafka

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

const (
	upkeepEvery = 10 * time.Second
	// A topic counts as missing when it was for so long: brokers hear of a new
	// one some time after the one that made it.
	missingFor = 3 * time.Second
)

// MissingTopic is the reason of a quarantine.
const MissingTopic = "TOPIC_MISSING: the consumer topic does not exist; put the subscription again, and it is made anew and empty"

// Upkeep mends what differs between the subscriptions and the cluster, in every
// worker, at each change of the rules and every ten seconds: access rules are
// made to follow, and an active subscription whose topic is gone is put into
// quarantine. It makes no topic: a topic that somebody deleted held records
// which a new one would not.
type Upkeep struct {
	Rules *Control
	Log   *slog.Logger
	Every time.Duration // between two looks when nothing changes; 0: ten seconds

	gone map[string]time.Time // since when a topic is missing
}

// Run works until ctx ends. What fails is logged, and tried again.
func (u *Upkeep) Run(ctx context.Context) error {
	for {
		changed := u.Rules.Changed()
		again, err := u.once(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, topology.ErrUnavailable) { // Control says when the rules are stale
			u.Log.Warn("upkeep of consumer topics", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(again):
		}
	}
}

// once makes one pass, and says when the next one is due.
func (u *Upkeep) once(ctx context.Context) (time.Duration, error) {
	every := u.Every
	if every == 0 {
		every = upkeepEvery
	}
	rules, err := u.Rules.Rules()
	if err != nil {
		return missingFor / 3, err
	}
	n, err := u.Rules.sender.Grant(ctx, rules.Subscriptions())
	if n > 0 {
		u.Log.Info("access rules of teams follow their subscriptions", "changed", n)
	}
	again, more := u.lookForTopics(ctx, rules, every)
	return again, errors.Join(err, more)
}

// lookForTopics puts active subscriptions without a topic into quarantine.
func (u *Upkeep) lookForTopics(ctx context.Context, rules *processors.Rules, every time.Duration) (time.Duration, error) {
	again, gone := every, map[string]time.Time{}
	active := map[string]tables.Subscription{}
	for _, s := range rules.Subscriptions() {
		if s.State == tables.StateActive {
			active[s.Topic()] = s
		}
	}
	missing, err := u.Rules.sender.missing(ctx, slices.Sorted(maps.Keys(active))...)
	if err != nil {
		return every, err
	}
	for _, topic := range missing {
		since, known := u.gone[topic]
		if !known {
			since = time.Now()
		}
		gone[topic] = since
		if time.Since(since) < missingFor {
			again = min(every, missingFor/3)
			continue
		}
		if err := u.quarantine(ctx, rules, active[topic]); err != nil {
			return every, err
		}
	}
	u.gone = gone
	return again, nil
}

// quarantine takes a subscription out of routing. One that was changed
// meanwhile, perhaps by another worker for the same reason, is left alone.
func (u *Upkeep) quarantine(ctx context.Context, rules *processors.Rules, s tables.Subscription) error {
	o, err := u.Rules.Change(ctx, events.Control{Kind: tables.KindSubscription, Name: s.ID(), Version: rules.Version(tables.KindSubscription, s.ID()) + 1,
		Act: events.ControlQuarantine, By: "payerflow", Why: MissingTopic, At: events.InstantOf(time.Now())})
	if err == nil && o.Applied {
		u.Log.Error("a subscription is in quarantine: its topic is gone", "subscription", s.ID(), "topic", s.Topic())
	}
	return err
}
