package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"payerflow/internal/topology"
)

// Member reads a consumer topic as a member of the subscription's pull group:
// whoever has the partitions is the owner of its pulls, and the group's
// committed offsets are its position.
type Member struct {
	copies *Copies
	topic  string
	client *Client
}

// Ownership is told when partitions come and go. The calls are made while the
// group waits, one at a time: they must not call the member.
type Ownership struct {
	Gained func(partitions []int32)
	Lost   func(partitions []int32)
}

// ErrFenced says that another worker has the partitions now.
var ErrFenced = errors.New("another worker has the partitions")

const (
	memberBytes   = 4 << 20
	memberSession = 10 * time.Second
	clientPrefix  = "payerflow-pull/"
)

// Join makes a member of a group. It has partitions once it was told so.
func (c *Copies) Join(ctx context.Context, topic, group string, o Ownership) (*Member, error) {
	tell := func(say func([]int32)) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
			if ps := parts[topic]; len(ps) > 0 {
				say(ps)
			}
		}
	}
	opts := append([]kgo.Opt{kgo.ClientID(clientPrefix + c.worker), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), kgo.SessionTimeout(memberSession), kgo.HeartbeatInterval(memberSession / 10), kgo.Balancers(kgo.RangeBalancer()),
		kgo.OnPartitionsAssigned(tell(o.Gained)), kgo.OnPartitionsRevoked(tell(o.Lost)), kgo.OnPartitionsLost(tell(o.Lost)),
		kgo.FetchMaxBytes(memberBytes), kgo.FetchMaxPartitionBytes(memberBytes), kgo.MaxConcurrentFetches(1)}, c.opts...)
	client, err := Dial(ctx, c.brokers, opts...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", topology.ErrUnavailable, err)
	}
	return &Member{copies: c, topic: topic, client: client}, nil
}

// Close leaves the group.
func (m *Member) Close() { m.client.kafka.CloseAllowingRebalance() }

// Poll waits for copies until ctx ends, which is no error, and hands them to
// add while no partition can be lost. Where the registry is away it fails and
// hands nothing on; what it read is read again by a new member only.
func (m *Member) Poll(ctx context.Context, most int, add func([]Copy)) error {
	defer m.client.kafka.AllowRebalance()
	fetches := m.client.kafka.PollRecords(ctx, most)
	for _, e := range fetches.Errors() {
		if err := streamFault(m.topic, e.Err); err != nil {
			return err
		}
	}
	var out []Copy
	for it := fetches.RecordIter(); !it.Done(); {
		c, err := m.copies.copyOf(it.Next())
		if err != nil {
			return err
		}
		out = append(out, c)
	}
	add(out)
	return nil
}

// Commit writes the group's positions. It fails with ErrFenced, or wraps
// topology.ErrUnavailable.
func (m *Member) Commit(ctx context.Context, positions map[int32]int64) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	offsets := map[int32]kgo.EpochOffset{}
	for p, o := range positions {
		offsets[p] = kgo.EpochOffset{Epoch: -1, Offset: o}
	}
	var err error
	m.client.kafka.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{m.topic: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, failed error) {
			err = failed
			if resp == nil {
				return
			}
			for _, t := range resp.Topics {
				for _, p := range t.Partitions {
					err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
				}
			}
		})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.RebalanceInProgress), errors.Is(err, kerr.FencedInstanceID):
		return ErrFenced
	}
	return unreachable(m.topic, err)
}

// Owner is the worker that has the first partition of a topic in a group, ""
// where nobody has. It is whatever that member says of itself: see Workers.
func (c *Copies) Owner(ctx context.Context, group, topic string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	described, err := c.client.admin.DescribeGroups(ctx, group)
	if err != nil {
		return "", unreachable(topic, err)
	}
	for _, m := range described[group].Members {
		if a, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range a.Topics {
				if t.Topic == topic && len(t.Partitions) > 0 && t.Partitions[0] == 0 {
					return strings.TrimPrefix(m.ClientID, clientPrefix), nil
				}
			}
		}
	}
	return "", nil
}
