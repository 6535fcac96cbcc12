package kafka

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/embedded"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

// secured is a broker that asks who is there, and its administrator: the one
// that the environment names, or an embedded one.
type secured struct {
	t       *testing.T
	brokers []string
	root    Login
	admin   *Client
}

func secure(t *testing.T) secured {
	t.Helper()
	s := secured{t: t, root: Login{"root", rand.Text(), Scram512}}
	if at := os.Getenv("KAFKA_BROKERS"); at != "" {
		s.brokers = []string{at}
		s.root = Login{os.Getenv("PAYERFLOW_BROKER_SASL_USERNAME"), os.Getenv("PAYERFLOW_BROKER_SASL_PASSWORD"), Scram512}
		if s.root.Username == "" {
			t.Skip("this Kafka asks nobody who they are")
		}
	} else {
		b, err := embedded.StartBroker(t.Context(), embedded.BrokerConfig{Addr: "127.0.0.1:0", Superuser: embedded.Login{Username: s.root.Username, Password: s.root.Password}})
		must(t, err)
		t.Cleanup(func() { _ = b.Close() })
		s.brokers = []string{b.Addr()}
	}
	s.admin = s.dial(s.root)
	r := Required.CappedTo(1)
	changes, err := s.admin.Diff(s.ctx(), []topology.Topic{topologies.Firehose.Topic, topologies.Control.Topic, topologies.ClaimSubmitted.Topic}, r)
	must(t, err)
	must(t, s.admin.Apply(s.ctx(), changes, r, func(Change) {}))
	s.eventually("topics", func() error { _, err := s.admin.replication(s.ctx()); return err })
	return s
}

func (s secured) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	s.t.Cleanup(cancel)
	return ctx
}

func (s secured) dial(l Login, more ...Option) *Client {
	s.t.Helper()
	opts, err := Security{Login: l}.Options()
	must(s.t, err)
	c, err := Dial(s.ctx(), s.brokers, append(opts, more...)...)
	must(s.t, err)
	s.t.Cleanup(c.Close)
	return c
}

// team makes a team of its own for this test, with a user.
func (s secured) team(name string) (string, Login) {
	s.t.Helper()
	team := name + "-" + strings.ToLower(rand.Text()[:8])
	l, err := s.admin.SetCredentials(s.ctx(), team, rand.Text(), false)
	must(s.t, err)
	return team, l
}

// activate makes the topic of a subscription, with one record in it.
func (s secured) activate(team, name string) tables.Subscription {
	s.t.Helper()
	sub := tables.Subscription{Team: team, Name: name, State: tables.StateActive, Delivery: tables.DeliverTopic, Partitions: 1}
	must(s.t, s.admin.CreateConsumerTopic(s.ctx(), sub))
	s.write(sub.Topic())
	return sub
}

func (s secured) write(topic string) {
	s.t.Helper()
	must(s.t, s.admin.kafka.ProduceSync(s.ctx(), &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("v")}).FirstErr())
}

// eventually asks until the answer is yes: a cluster of several nodes hears of
// access rules and users a moment later.
func (s secured) eventually(what string, ok func() error) {
	s.t.Helper()
	err := ok()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); err != nil && time.Now().Before(end); err = ok() {
		<-tick.C
	}
	if err != nil {
		s.t.Errorf("%s: %v", what, err)
	}
}

// reads is nil where a user reads a topic without a group.
func (s secured) reads(l Login, topic string) error {
	c := s.dial(l, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	defer c.Close()
	ctx, cancel := context.WithTimeout(s.ctx(), 3*time.Second)
	defer cancel()
	fetches := c.kafka.PollFetches(ctx)
	if fetches.NumRecords() > 0 {
		return nil
	}
	return errors.Join(fetches.Err(), errors.New("nothing was read"))
}

// readsInGroup is nil where a user reads a topic in a group, and commits.
func (s secured) readsInGroup(l Login, topic, group string) error {
	c := s.dial(l, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
	defer c.Close()
	ctx, cancel := context.WithTimeout(s.ctx(), 10*time.Second)
	defer cancel()
	for {
		fetches := c.kafka.PollFetches(ctx)
		if fetches.NumRecords() > 0 {
			return c.kafka.CommitRecords(ctx, fetches.Records()...)
		}
		if err := fetches.Err(); err != nil {
			return err
		}
	}
}

func TestTeamReadsItsTopicAlone(t *testing.T) {
	s := secure(t)
	alpha, user := s.team("alpha")
	beta, other := s.team("beta")
	own, foreign := s.activate(alpha, "claims"), s.activate(beta, "claims")
	longer := s.activate(alpha+"-longer", "claims") // begins with the same letters
	subs := []tables.Subscription{own, foreign, longer}
	_, err := s.admin.Grant(s.ctx(), subs)
	must(t, err)
	s.eventually("the team reads its topic", func() error { return s.reads(user, own.Topic()) })
	s.eventually("and commits in its group", func() error { return s.readsInGroup(user, own.Topic(), alpha+".app") })

	for _, group := range []string{beta + ".app", alpha, alpha + "-longer.app", "router.v1-mediator-consumer"} {
		if err := s.readsInGroup(user, own.Topic(), group); !errors.Is(err, kerr.GroupAuthorizationFailed) {
			t.Errorf("group %s: %v", group, err)
		}
	}
	c := s.dial(user)
	firehose, control, domain := topologies.Firehose.Topic.Name, topologies.Control.Topic.Name, topologies.ClaimSubmitted.Topic.Name
	for _, topic := range []string{firehose, control, domain, foreign.Topic(), longer.Topic()} {
		s.write(topic)
		if err := s.reads(user, topic); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("%s is read: %v", topic, err)
		}
		if err := s.readsInGroup(user, topic, alpha+".app"); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("%s is read in a group: %v", topic, err)
		}
		ends, err := c.admin.ListEndOffsets(s.ctx(), topic)
		if err = errors.Join(err, ends.Error()); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("offsets of %s are told: %v", topic, err)
		}
	}
	topics, err := c.admin.ListTopics(s.ctx())
	must(t, err)
	if names := topics.Names(); !slices.Equal(names, []string{own.Topic()}) {
		t.Errorf("the team sees %v", names)
	}
	for _, topic := range []string{own.Topic(), foreign.Topic(), firehose, control, domain} {
		if err := c.kafka.ProduceSync(s.ctx(), &kgo.Record{Topic: topic, Value: []byte("v")}).FirstErr(); !denied(err) {
			t.Errorf("%s is written: %v", topic, err)
		}
	}
	s.powerless(c, own, user)

	own.State = tables.StatePaused
	_, err = s.admin.Grant(s.ctx(), []tables.Subscription{own, foreign, longer})
	must(t, err)
	s.eventually("what is paused is not read", func() error {
		if err := s.reads(user, own.Topic()); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			return errors.Join(errors.New("it is"), err)
		}
		return nil
	})
	must(t, s.readsInGroup(other, foreign.Topic(), beta+".app"))
}

func denied(err error) bool {
	for _, e := range []error{kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed, kerr.GroupAuthorizationFailed} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// powerless tries whatever changes something.
func (s secured) powerless(c *Client, own tables.Subscription, user Login) {
	s.t.Helper()
	ctx, never := s.ctx(), "never"
	first := func(err error, more ...error) error { return errors.Join(append(more, err)...) }
	tries := map[string]func() error{
		"make a topic": func() error {
			r, err := c.admin.CreateTopic(ctx, 1, 1, nil, own.Topic()+".more")
			return first(err, r.Err)
		},
		"delete its topic": func() error {
			r, err := c.admin.DeleteTopics(ctx, own.Topic())
			return first(err, r.Error())
		},
		"alter its topic": func() error {
			rs, err := c.admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &never}}, own.Topic())
			for _, r := range rs {
				err = first(err, r.Err)
			}
			return err
		},
		"cut its topic": func() error {
			at := kadm.Offsets{}
			at.Add(kadm.Offset{Topic: own.Topic(), Partition: 0, At: 1})
			r, err := c.admin.DeleteRecords(ctx, at)
			return first(err, r.Error())
		},
		"see access rules": func() error {
			_, err := c.granted(ctx)
			return err
		},
		"grant itself more": func() error {
			rs, err := c.admin.CreateACLs(ctx, kadm.NewACLs().Topics("mediator.").ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpRead).Allow("User:"+user.Username))
			for _, r := range rs {
				err = first(err, r.Err)
			}
			return err
		},
		"make a user": func() error {
			rs, err := c.admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{User: "root", Mechanism: kadm.ScramSha256, Iterations: scramIterations, Password: "known"}})
			return first(err, rs.Error())
		},
		"begin a transaction": func() error {
			t := s.dial(user, kgo.TransactionalID(own.Team+".t"))
			defer t.Close()
			_, _, err := t.kafka.ProducerID(ctx)
			return err
		},
	}
	for what, try := range tries {
		if err := try(); !denied(err) {
			s.t.Errorf("a team may %s: %v", what, err)
		}
	}
}

func TestCredentialsAreShownOnce(t *testing.T) {
	s := secure(t)
	team, user := s.team("alpha")
	s.eventually("the user is let in", func() error { return s.letIn(user) })
	if _, err := s.admin.SetCredentials(s.ctx(), team, "another", false); !errors.Is(err, ErrHasCredentials) {
		t.Errorf("made again: %v", err)
	}
	must(t, s.letIn(user))
	rotated, err := s.admin.SetCredentials(s.ctx(), team, rand.Text(), true)
	must(t, err)
	s.eventually("with its new password", func() error { return s.letIn(rotated) })
	if s.letIn(user) == nil {
		t.Error("the old password is good")
	}
	var name *TeamNameError
	for _, team := range []string{"", "a.b", "A", "a*", "-a", strings.Repeat("a", 61)} {
		if _, err := s.admin.SetCredentials(s.ctx(), team, "p", false); !errors.As(err, &name) {
			t.Errorf("team %q: %v", team, err)
		}
		if err := s.admin.CreateConsumerTopic(s.ctx(), tables.Subscription{Team: team, Name: "x"}); !errors.As(err, &name) {
			t.Errorf("topic of team %q: %v", team, err)
		}
	}
}

func (s secured) letIn(l Login) error {
	opts, err := Security{Login: l}.Options()
	must(s.t, err)
	c, err := Dial(s.ctx(), s.brokers, opts...)
	if err == nil {
		c.Close()
	}
	return err
}

func TestGrantChangesWhatDiffersAlone(t *testing.T) {
	s := secure(t)
	team, user := s.team("alpha")
	sub := s.activate(team, "claims")
	if n, err := s.admin.Grant(s.ctx(), []tables.Subscription{sub}); err != nil || n < 3 {
		t.Fatalf("%d rules: %v", n, err)
	}
	s.eventually("the second time nothing differs", func() error {
		if n, err := s.admin.Grant(s.ctx(), []tables.Subscription{sub}); err != nil || n != 0 {
			return errors.Join(err, errors.New("something is changed"))
		}
		return nil
	})
	const theirs = "somebodys.topic"
	_, err := s.admin.admin.CreateACLs(s.ctx(), kadm.NewACLs().Topics(theirs).Operations(kadm.OpRead).Allow("User:"+user.Username))
	must(t, err)
	sub.State = tables.StateQuarantined
	if n, err := s.admin.Grant(s.ctx(), []tables.Subscription{sub}); err != nil || n != 0 {
		t.Errorf("a quarantine changes %d rules: %v", n, err)
	}
	if n, err := s.admin.Grant(s.ctx(), nil); err != nil || n != 3 {
		t.Errorf("%d rules are taken: %v", n, err)
	}
	kept, err := s.admin.admin.DescribeACLs(s.ctx(), kadm.NewACLs().Topics(theirs).ResourcePatternType(kadm.ACLPatternAny).Operations(kadm.OpAny).Allow().AllowHosts())
	must(t, err)
	if len(kept[0].Described) != 1 {
		t.Error("somebody else's rule is gone")
	}
}

func TestConsumerTopicIsAsDeclared(t *testing.T) {
	s := secure(t)
	team, _ := s.team("alpha")
	sub := tables.Subscription{Team: team, Name: "claims", State: tables.StateActive}
	for range 2 {
		must(t, s.admin.CreateConsumerTopic(s.ctx(), sub))
	}
	declared := topologies.ConsumerTopic(sub)
	left, err := s.admin.Diff(s.ctx(), []topology.Topic{declared}, Required.CappedTo(1))
	must(t, err)
	if len(left) > 0 {
		t.Errorf("differs: %+v", left)
	}
	sub.Partitions = 2
	if err := s.admin.CreateConsumerTopic(s.ctx(), sub); !errors.Is(err, ErrPartitions) {
		t.Errorf("more partitions: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
