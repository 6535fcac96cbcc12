package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/kafka"
)

const subscribed = `team: demo
name: submitted
eventTypes: [CLAIM_SUBMITTED]
synthetic: discard
delivery: topic
partitions: 1
state: ACTIVE
`

// readAs reads a topic from its start as somebody, and is nil where it gives a
// record.
func readAs(t *testing.T, broker string, l kafka.Login, topic string) error {
	t.Helper()
	opts, err := kafka.Security{Login: l}.Options()
	if err != nil {
		t.Fatal(err)
	}
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic), kgo.ConsumerGroup("demo.reader"), kgo.DisableAutoCommit())...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wait, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		fetches := c.PollFetches(wait)
		if fetches.NumRecords() > 0 {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
	}
}

// TestTeamReadsWhatItSubscribedTo goes a team's whole way: a subscription, its
// topic with a Kafka client of its own, a pause, and the topic's end.
func TestTeamReadsWhatItSubscribedTo(t *testing.T) {
	dir := t.TempDir()
	p, addr, flags := demo(t, dir, "--rate", testRate)
	c, err := readCredentials(dir)
	if err != nil {
		t.Fatal(err)
	}
	team, topic := c.Kafka[roleTeam], "consumer.demo.submitted"
	sub := func(args ...string) {
		t.Helper()
		args = append(append([]string{"sub"}, args...), append(flags, "--url", "http://"+addr)...)
		if out, stderr, code := cli(t, "", args...); code != exitOK {
			t.Fatalf("%v: exit %d: %s %s", args[:3], code, out, stderr)
		}
	}
	file := filepath.Join(dir, "submitted.yaml")
	if err := os.WriteFile(file, []byte(subscribed), 0o600); err != nil {
		t.Fatal(err)
	}
	sub("apply", "-f", file)
	if err := readAs(t, flags[1], team, topic); err != nil {
		t.Errorf("its own topic: %v", err)
	}
	for _, other := range []string{"mediator.event.received", "mediator.control", "claims.claim.submitted", "claims.claim.submitted.dlq"} {
		if err := readAs(t, flags[1], team, other); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("%s: %v", other, err)
		}
	}
	sub("pause", "demo/submitted")
	if err := readAs(t, flags[1], team, topic); !errors.Is(err, kerr.TopicAuthorizationFailed) && !errors.Is(err, kerr.GroupAuthorizationFailed) {
		t.Errorf("a paused subscription: %v", err)
	}
	sub("delete-topic", "demo/submitted")
	if _, stderr, code := cli(t, "", append([]string{"tail", topic, "--from-start", "--follow=false"}, flags...)...); code == exitOK || !strings.Contains(stderr, "does not exist") {
		t.Errorf("after its deletion: exit %d: %s", code, stderr)
	}
	if strings.Contains(p.output(), team.Password) {
		t.Error("a password is in the log")
	}
}
