package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// rulebook is a Control on the secured broker, with what subscriptions need.
type rulebook struct {
	secured
	Provisioned
}

// registered outlives a test, as the log of a broker of somebody else's does.
var registered = &codecs.Memory{}

func (s secured) rules() rulebook {
	s.t.Helper()
	opts, err := Security{Login: s.root}.Options()
	must(s.t, err)
	c, err := OpenControl(s.brokers, registered, processors.NewRules(nil, make([]byte, 32)), slog.New(slog.DiscardHandler), nil, opts...)
	must(s.t, err)
	s.run(c.Run, c.Close)
	s.eventually("fresh rules", func() error { _, err := c.Rules(); return err })
	return rulebook{s, Provisioned{c}}
}

// run works until the test ends.
func (s secured) run(work func(context.Context) error, after func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = work(ctx) })
	s.t.Cleanup(func() { cancel(); wg.Wait(); after() })
}

// put writes a subscription as a door does, and demands that it is taken.
func (b rulebook) put(sub tables.Subscription) {
	b.t.Helper()
	if o := b.try(sub); !o.Applied {
		b.t.Fatalf("refused: %v", o.Faults)
	}
}

func (b rulebook) try(sub tables.Subscription) processors.Outcome {
	b.t.Helper()
	row, err := json.Marshal(sub)
	must(b.t, err)
	o, err := b.Change(b.ctx(), b.event(sub, events.ControlPut, string(row)))
	must(b.t, err)
	return o
}

func (b rulebook) event(sub tables.Subscription, act, row string) events.Control {
	b.t.Helper()
	rules, err := b.Rules()
	must(b.t, err)
	return events.Control{Kind: tables.KindSubscription, Name: sub.ID(), Version: rules.Version(tables.KindSubscription, sub.ID()) + 1,
		Act: act, Row: row, By: "test", At: events.InstantOf(time.Now())}
}

func (b rulebook) now(sub tables.Subscription) tables.Subscription {
	b.t.Helper()
	rules, err := b.Rules()
	must(b.t, err)
	s, _ := rules.Subscription(sub.ID())
	return s
}

func subscriptionOf(team, name string) tables.Subscription {
	return tables.Subscription{Team: team, Name: name, EventTypes: []string{"*"}, Synthetic: tables.Discard, Delivery: tables.DeliverTopic, Partitions: 1, State: tables.StateActive}
}

func TestChangeOfASubscriptionProvides(t *testing.T) {
	s := secure(t)
	b := s.rules()
	team, user := s.team("alpha")
	sub := subscriptionOf(team, "claims")
	b.put(sub)
	s.write(sub.Topic())
	s.eventually("the team reads what was put", func() error { return s.reads(user, sub.Topic()) })

	sub.Partitions = 2
	if o := b.try(sub); o.Applied || len(o.Faults) != 1 || o.Faults[0].ReasonCode != PartitionsFixed || o.Faults[0].At != "/partitions" {
		t.Errorf("more partitions: %+v", o)
	}
	sub.Partitions = 1
	bad := subscriptionOf(team, "bad")
	bad.Synthetic = "perhaps"
	if o := b.try(bad); o.Applied {
		t.Error("a faulty subscription is taken")
	}
	if missing, err := s.admin.missing(s.ctx(), bad.Topic()); err != nil || len(missing) != 1 {
		t.Errorf("what is refused has a topic: %v", err)
	}

	o, err := b.Change(s.ctx(), b.event(sub, events.ControlDelete, ""))
	if err != nil || !o.Applied {
		t.Fatal(err, o.Faults)
	}
	s.eventually("the team does not read what is deleted", func() error {
		if err := s.reads(user, sub.Topic()); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			return errors.Join(errors.New("it does"), err)
		}
		return nil
	})
	if missing, err := s.admin.missing(s.ctx(), sub.Topic()); err != nil || len(missing) != 0 {
		t.Errorf("the topic went with its subscription: %v", err)
	}
}

func TestUpkeepMendsDrift(t *testing.T) {
	s := secure(t)
	b := s.rules()
	alpha, user := s.team("alpha")
	beta, other := s.team("beta")
	lost, kept := subscriptionOf(alpha, "claims"), subscriptionOf(beta, "claims")
	b.put(lost)
	b.put(kept)
	for range 2 { // as in two workers
		u := &Upkeep{Rules: b.Control, Log: slog.New(slog.DiscardHandler), Every: 100 * time.Millisecond}
		s.run(u.Run, func() {})
	}
	s.write(kept.Topic())
	taken, err := s.admin.admin.DeleteACLs(s.ctx(), kadm.NewACLs().Topics(kept.Topic()).ResourcePatternType(kadm.ACLPatternAny).Operations(kadm.OpAny).Allow().AllowHosts())
	must(t, err)
	if len(taken[0].Deleted) != 2 {
		t.Fatal("nothing to mend")
	}
	deleted, err := s.admin.admin.DeleteTopics(s.ctx(), lost.Topic())
	must(t, errors.Join(err, deleted.Error()))
	within(t, time.Minute, "quarantine", func() bool { return b.now(lost).State == tables.StateQuarantined })
	if got := b.now(lost).Reason; got != MissingTopic {
		t.Errorf("reason %q", got)
	}
	if b.now(kept).State != tables.StateActive {
		t.Error("another subscription is harmed")
	}
	s.eventually("access is mended", func() error { return s.reads(other, kept.Topic()) })

	b.put(lost)
	s.write(lost.Topic())
	s.eventually("the team reads the new topic", func() error { return s.reads(user, lost.Topic()) })
	if b.now(lost).State != tables.StateActive {
		t.Error("put again, it is not active")
	}
}

func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", d, what)
		}
	}
}

func TestTopicIsDeletedWhenNothingIsOnItsWay(t *testing.T) {
	s := secure(t)
	b := s.rules()
	team, _ := s.team("alpha")
	sub := subscriptionOf(team, "claims")
	b.put(sub)
	if err := b.DeleteConsumerTopic(s.ctx(), team, sub.Name); !errors.Is(err, ErrActive) {
		t.Fatalf("of an active subscription: %v", err)
	}
	router := s.dial(s.root, kgo.TransactionalID(routers+team))
	must(t, router.kafka.BeginTransaction())
	must(t, router.kafka.ProduceSync(s.ctx(), &kgo.Record{Topic: sub.Topic(), Value: []byte("late")}).FirstErr())

	sub.State = tables.StatePaused
	b.put(sub)
	done := make(chan error, 1)
	began := time.Now()
	go func() { done <- b.DeleteConsumerTopic(s.ctx(), team, sub.Name) }()
	select {
	case err := <-done:
		t.Fatalf("with a transaction open, after %s: %v", time.Since(began), err)
	case <-time.After(Fresh + beginsWithin + time.Second):
	}
	must(t, router.kafka.EndTransaction(s.ctx(), kgo.TryCommit))
	must(t, <-done)
	within(t, time.Minute, "the topic is gone", func() bool {
		missing, err := s.admin.missing(s.ctx(), sub.Topic())
		return err == nil && len(missing) == 1
	})
	if b.now(sub).State != tables.StatePaused {
		t.Error("a paused subscription's state changed")
	}
}
