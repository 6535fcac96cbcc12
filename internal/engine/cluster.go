package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// cluster asks the broker about topics, outside the data path.
type cluster struct {
	client *kgo.Client
	admin  *kadm.Client
	mu     sync.Mutex
	counts map[string]counted // of topics that rows name

	leaders sync.Map // kadm.TopicDetail by topic
}

type counted struct {
	partitions int
	until      time.Time
}

// adminTimeout bounds one question to the cluster.
const adminTimeout = 15 * time.Second

func openCluster(cfg Config) (*cluster, error) {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(cfg.Brokers...), kgo.ClientID("payerflow-admin"),
		kgo.RetryTimeout(adminTimeout)}, cfg.Client...)...)
	if err != nil {
		return nil, fmt.Errorf("admin client: %w", err)
	}
	return &cluster{client: client, admin: kadm.NewClient(client), counts: map[string]counted{}}, nil
}

func (c *cluster) close() { c.client.Close() }

func (c *cluster) partitions(topic string) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	topics, err := c.admin.ListTopics(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("topic %s: %w", topic, err)
	}
	d := topics[topic]
	if errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
		return 0, &MissingTopicError{topic}
	}
	return len(d.Partitions), d.Err
}

// countedFor is how long a topic's partition count, or that it does not exist,
// is taken for granted.
const countedFor = 10 * time.Second

// count is the partition count of a topic, 0 where it does not exist.
func (c *cluster) count(topic string) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.counts[topic]; ok && time.Now().Before(known.until) {
		return known.partitions, nil
	}
	n, err := c.partitions(topic)
	var missing *MissingTopicError
	if err != nil && !errors.As(err, &missing) {
		return 0, err
	}
	c.counts[topic] = counted{n, time.Now().Add(countedFor)}
	return n, nil
}

// origin names a topic for good: cluster id, topic id, partition count. A topic
// that was deleted and made again has another topic id.
func (c *cluster) origin(topic string) (string, error) {
	all, err := c.origins(topic)
	return all[topic], err
}

// origins are those of the topics that there are, and an error where one is not.
func (c *cluster) origins(topics ...string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	m, err := c.admin.Metadata(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("topics %s: %w", strings.Join(topics, ", "), err)
	}
	out := map[string]string{}
	for _, topic := range topics {
		d := m.Topics[topic]
		if d.Err != nil {
			err = errors.Join(err, fmt.Errorf("topic %s: %w", topic, d.Err))
			continue
		}
		out[topic] = fmt.Sprintf("%s/%x/%d", m.Cluster, d.ID, len(d.Partitions))
	}
	return out, err
}

// oldest and newest ask offset for the ends of a partition.
const (
	oldest = sarama.OffsetOldest
	newest = sarama.OffsetNewest
)

// offset of the newest is the high watermark and not the last stable offset: a
// recovery then waits for a predecessor's open transaction to be decided,
// instead of missing its records.
func (c *cluster) offset(topic string, partition int32, at int64) (int64, error) {
	all, err := c.offsets(topic, at)
	if err != nil {
		return 0, err
	}
	return ofPartition(all, topic, partition)
}

func (c *cluster) offsets(topic string, at int64) (kadm.ListedOffsets, error) {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	list := c.admin.ListEndOffsets
	if at == oldest {
		list = c.admin.ListStartOffsets
	}
	all, err := list(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	return all, nil
}

func ofPartition(all kadm.ListedOffsets, topic string, partition int32) (int64, error) {
	o, ok := all.Lookup(topic, partition)
	if !ok {
		return 0, fmt.Errorf("offsets of %s/%d: %w", topic, partition, kerr.UnknownTopicOrPartition)
	}
	return o.Offset, o.Err
}

// ends are the offsets of whole topics as one session first asks for them. It
// has fenced its predecessors by then: what its own table gets later, it writes
// itself. A worker that takes over many partitions would ask for each of them.
type ends struct {
	mu    sync.Mutex
	known map[topicEnd]kadm.ListedOffsets
}

type topicEnd struct {
	topic string
	at    int64 // oldest or newest
}

func (e *ends) offset(c *cluster, topic string, partition int32, at int64) (int64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	end := topicEnd{topic, at}
	if all, ok := e.known[end]; ok {
		return ofPartition(all, topic, partition)
	}
	all, err := c.offsets(topic, at)
	if err != nil {
		return 0, err
	}
	if all.Error() == nil { // a partition without a leader is asked for again
		if e.known == nil {
			e.known = map[topicEnd]kadm.ListedOffsets{}
		}
		e.known[end] = all
	}
	return ofPartition(all, topic, partition)
}

// offset asks as a session does, and outside of one for itself.
func (rt *runtime) offset(topic string, partition int32, at int64) (int64, error) {
	if s := rt.current.Load(); s != nil {
		return s.ends.offset(rt.cluster, topic, partition, at)
	}
	return rt.cluster.offset(topic, partition, at)
}

// MissingTopicError says that a topic does not exist. The engine makes none.
type MissingTopicError struct{ Topic string }

func (e *MissingTopicError) Error() string {
	return "topic " + e.Topic + " does not exist; run: payerflow topics apply"
}

// PartitionCountError says that a topic has another partition count than the
// declaration. Rows are where their keys hash to: a count is never changed
// under a running group.
type PartitionCountError struct {
	Topic      string
	Have, Want int
}

func (e *PartitionCountError) Error() string {
	return fmt.Sprintf("topic %s has %d partitions, the topology declares %d", e.Topic, e.Have, e.Want)
}

// topicManager is goka's view of the cluster. It creates nothing.
type topicManager struct {
	c  *cluster
	rt *runtime
}

func (m *topicManager) Partitions(topic string) ([]int32, error) {
	n, err := m.c.partitions(topic)
	ps := make([]int32, n)
	for i := range ps {
		ps[i] = int32(i)
	}
	return ps, err
}

func (m *topicManager) EnsureTableExists(topic string, n int) error { return m.c.ensure(topic, n) }

func (m *topicManager) EnsureStreamExists(topic string, n int) error { return m.c.ensure(topic, n) }

func (m *topicManager) EnsureTopicExists(topic string, n, _ int, _ map[string]string) error {
	return m.c.ensure(topic, n)
}

func (m *topicManager) GetOffset(topic string, p int32, at int64) (int64, error) {
	if at == newest && m.rt.standby(topic, p) {
		return m.rt.followedTo(topic, p)
	}
	return m.rt.offset(topic, p, at)
}

func (m *topicManager) Close() error { return nil }

func (c *cluster) ensure(topic string, want int) error {
	have, err := c.partitions(topic)
	if err != nil {
		return err
	}
	if have != want {
		return &PartitionCountError{topic, have, want}
	}
	return nil
}
