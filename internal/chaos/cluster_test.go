package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

// source writes inputs and keeps count of them.
type source struct {
	client *kgo.Client
	sent   int
}

func newSource(brokers []string) (*source, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ClientID("chaos-source"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(5*time.Millisecond))
	return &source{client: client}, err
}

// createTopics makes the workload's topics. settings are added to those of
// compacted topics.
func (s *source) createTopics(ctx context.Context, settings map[string]string) error {
	for _, t := range topics() {
		all := map[string]*string{}
		set := func(name, value string) { all[name] = &value }
		set("cleanup.policy", string(t.Cleanup))
		set("max.message.bytes", strconv.Itoa(t.MaxMessageBytes))
		if t.Cleanup == topology.Compact {
			for name, value := range settings {
				set(name, value)
			}
		}
		if _, err := kadm.NewClient(s.client).CreateTopic(ctx, int32(t.Partitions), -1, all, t.Name); err != nil {
			return fmt.Errorf("create %s: %w", t.Name, err)
		}
	}
	return nil
}

// fact makes an event of the nth id; every tenth is an adjustment, every
// seventh posting lies where murmur2 would not put it, every hundredth record
// does not decode.
func (s *source) fact(account string) *kgo.Record {
	s.sent++
	id := fmt.Sprintf("id-%07d", s.sent)
	topic, count := topicPosted, int32(partitions)
	if s.sent%10 == 0 {
		topic, count = topicAdjusted, 3
	}
	if s.sent%100 == 99 {
		return &kgo.Record{Topic: topic, Key: []byte("bad-" + id), Value: []byte("{"), Timestamp: time.Now(), Partition: int32(s.sent/100) % count}
	}
	r := recordOf(topic, count, id, account)
	if s.sent%7 == 0 {
		r.Partition = (r.Partition + 1) % count
	}
	return r
}

func change(n int, account string) *kgo.Record {
	return recordOf(topicChanged, partitions, fmt.Sprintf("change-%d", n), account)
}

func recordOf(topic string, count int32, id, account string) *kgo.Record {
	value, err := json.Marshal(fact{ID: id, Account: account, At: time.Now()})
	if err != nil {
		panic(err)
	}
	return &kgo.Record{Topic: topic, Key: []byte(account), Value: value, Timestamp: time.Now(), Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte(id)}},
		Partition: topology.Partition([]byte(account), int(count))}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// exact waits until the checker has no objection.
func exact(t testing.TB, c *checker, within time.Duration) {
	t.Helper()
	var objections []string
	for deadline := time.Now().Add(within); time.Now().Before(deadline); {
		if err := c.catchUp(t.Context()); err != nil {
			objections = []string{err.Error()} // a leader or coordinator moves
			continue
		}
		if objections = c.verify(); len(objections) == 0 {
			return
		}
	}
	t.Fatalf("of %d inputs, after %v:\n%s", len(c.inputs), within, strings.Join(objections, "\n"))
}
