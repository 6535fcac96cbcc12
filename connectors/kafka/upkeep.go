package kafka

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"payerflow/tables"
)

// Subscribed is where [Upkeep] reads subscriptions, and says that one cannot
// be served.
type Subscribed interface {
	// Subscriptions are all there are, fresh, or an error.
	Subscriptions() ([]tables.Subscription, error)
	// Changed is closed at the next change of the rules.
	Changed() <-chan struct{}
	// Quarantine takes an active subscription out of routing. A worker that was
	// faster is no error.
	Quarantine(ctx context.Context, s tables.Subscription, why string) error
}

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
	Client *Client
	Rules  Subscribed
	Log    *slog.Logger

	gone map[string]time.Time // since when a topic is missing
}

// Run works until ctx ends. What fails is logged, and tried again.
func (u *Upkeep) Run(ctx context.Context) error {
	for {
		changed := u.Rules.Changed()
		again, err := u.once(ctx)
		if err != nil && ctx.Err() == nil {
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
	subs, err := u.Rules.Subscriptions()
	if err != nil {
		return upkeepEvery, err
	}
	if n, err := u.Client.Grant(ctx, subs); err != nil {
		return upkeepEvery, err
	} else if n > 0 {
		u.Log.Info("access rules of teams follow their subscriptions", "changed", n)
	}
	again, gone := upkeepEvery, map[string]time.Time{}
	active := map[string]tables.Subscription{}
	for _, s := range subs {
		if s.State == tables.StateActive {
			active[s.Topic()] = s
		}
	}
	missing, err := u.Client.missing(ctx, slices.Sorted(maps.Keys(active))...)
	if err != nil {
		return upkeepEvery, err
	}
	for _, topic := range missing {
		since, known := u.gone[topic]
		if !known {
			since = time.Now()
		}
		gone[topic] = since
		if time.Since(since) < missingFor {
			again = missingFor / 3
			continue
		}
		s := active[topic]
		if err := u.Rules.Quarantine(ctx, s, MissingTopic); err != nil {
			return upkeepEvery, err
		}
		u.Log.Error("a subscription is in quarantine: its topic is gone", "subscription", s.ID(), "topic", topic)
	}
	u.gone = gone
	return again, nil
}
