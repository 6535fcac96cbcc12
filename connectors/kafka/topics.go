package kafka

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"payerflow/internal/topology"
)

// Replication is how often a topic is kept: the catalogue asks for 3 and 2.
type Replication struct{ Factor, MinInSync int }

// Required is the replication of the catalogue.
var Required = Replication{Factor: 3, MinInSync: 2}

// CappedTo is the replication that a cluster of so many brokers can give.
func (r Replication) CappedTo(brokers int) Replication {
	return Replication{Factor: min(r.Factor, brokers), MinInSync: min(r.MinInSync, max(1, brokers-1))}
}

// Change is one difference between the declaration and the cluster.
type Change struct {
	Topic string `json:"topic"`
	Kind  string `json:"kind"` // create, config, partitions, replication
	Have  string `json:"have,omitempty"`
	Want  string `json:"want"`
	// Refused says that Apply does not make this change, and what to do.
	Refused string `json:"refused,omitempty"`

	declared topology.Topic
	config   string
}

// Kinds of change.
const (
	Create            = "create"
	Config            = "config"
	PartitionCount    = "partitions"
	ReplicationFactor = "replication"
)

// Brokers counts the brokers of the cluster.
func (c *Client) Brokers(ctx context.Context) (int, error) {
	m, err := c.admin.BrokerMetadata(ctx)
	if err != nil {
		return 0, fmt.Errorf("brokers: %w", err)
	}
	return len(m.Brokers), nil
}

// settings are the configs of a topic as the declaration wants them.
func settings(t topology.Topic, r Replication) map[string]string {
	s := map[string]string{
		"cleanup.policy":      string(t.Cleanup),
		"min.insync.replicas": strconv.Itoa(r.MinInSync),
		"compression.type":    t.Compression,
		"max.message.bytes":   strconv.Itoa(t.MaxMessageBytes),
	}
	if t.Cleanup == topology.Delete {
		s["retention.ms"] = "-1"
		if t.Retention > 0 {
			s["retention.ms"] = strconv.FormatInt(t.Retention.Milliseconds(), 10)
		}
	}
	return s
}

// Diff compares declared topics with the cluster, in name order.
func (c *Client) Diff(ctx context.Context, topics []topology.Topic, r Replication) ([]Change, error) {
	names := make([]string, 0, len(topics))
	for _, t := range topics {
		names = append(names, t.Name)
	}
	have, err := c.topicsNow(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	var existing []string
	for name, d := range have {
		if d.Err == nil {
			existing = append(existing, name)
		}
	}
	configs := map[string]map[string]string{}
	if len(existing) > 0 {
		described, err := c.admin.DescribeTopicConfigs(ctx, existing...)
		if err != nil {
			return nil, fmt.Errorf("describe topics: %w", err)
		}
		for _, d := range described {
			configs[d.Name] = map[string]string{}
			for _, kv := range d.Configs {
				configs[d.Name][kv.Key] = kv.MaybeValue()
			}
		}
	}
	var changes []Change
	for _, t := range topics {
		d, ok := have[t.Name]
		if !ok || errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
			changes = append(changes, Change{Topic: t.Name, Kind: Create, Want: strconv.Itoa(t.Partitions) + " partitions", declared: t})
			continue
		}
		if d.Err != nil {
			return nil, fmt.Errorf("topic %s: %w", t.Name, d.Err)
		}
		changes = append(changes, compare(t, d, configs[t.Name], r)...)
	}
	sort.SliceStable(changes, func(i, j int) bool { return changes[i].Topic < changes[j].Topic })
	return changes, nil
}

// topicsNow asks the cluster, and not what the client remembers for five
// seconds, also of topics that did not exist: who asks for rights is told anew.
func (c *Client) topicsNow(ctx context.Context, names ...string) (kadm.TopicDetails, error) {
	return c.admin.ListTopics(kadm.WithAuthorizedOps(ctx), names...)
}

func compare(t topology.Topic, d kadm.TopicDetail, have map[string]string, r Replication) (out []Change) {
	if n := len(d.Partitions); n != t.Partitions {
		out = append(out, Change{Topic: t.Name, Kind: PartitionCount, Have: strconv.Itoa(n), Want: strconv.Itoa(t.Partitions), declared: t,
			Refused: "rows are where their keys hash to; make a new topic and group version and replay into it"})
	}
	if n := d.Partitions.NumReplicas(); n != r.Factor {
		out = append(out, Change{Topic: t.Name, Kind: ReplicationFactor, Have: strconv.Itoa(n), Want: strconv.Itoa(r.Factor), declared: t,
			Refused: "move replicas with kafka-reassign-partitions"})
	}
	want := settings(t, r)
	keys := make([]string, 0, len(want))
	for k := range want {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		if have[k] != want[k] {
			out = append(out, Change{Topic: t.Name, Kind: Config, Have: k + "=" + have[k], Want: k + "=" + want[k], declared: t, config: k})
		}
	}
	return out
}

// Apply makes the changes that are not refused. done is called after each.
func (c *Client) Apply(ctx context.Context, changes []Change, r Replication, done func(Change)) error {
	for _, ch := range changes {
		if ch.Refused != "" {
			continue
		}
		if err := c.apply(ctx, ch, r); err != nil {
			return fmt.Errorf("%s %s: %w", ch.Kind, ch.Topic, err)
		}
		done(ch)
	}
	return nil
}

func (c *Client) apply(ctx context.Context, ch Change, r Replication) error {
	want := settings(ch.declared, r)
	if ch.Kind == Create {
		configs := map[string]*string{}
		for k, v := range want {
			configs[k] = &v
		}
		_, err := c.admin.CreateTopic(ctx, int32(ch.declared.Partitions), int16(r.Factor), configs, ch.Topic)
		if errors.Is(err, kerr.TopicAlreadyExists) {
			return nil // another worker was faster
		}
		return err
	}
	value := want[ch.config]
	rs, err := c.admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: ch.config, Value: &value}}, ch.Topic)
	if err != nil {
		return err
	}
	for _, res := range rs {
		if res.Err != nil {
			return res.Err
		}
	}
	return nil
}
