package engine

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// onAssigned starts the session's positions at what the group has committed.
func (p *processor) onAssigned(s *session) {
	p.positions.reset(false)
	ctx, cancel := context.WithTimeout(s.ctx, adminTimeout)
	defer cancel()
	committed, err := p.committed(ctx, s)
	if err != nil {
		p.log.Warn("committed offsets", "group", p.name, "error", err)
	}
	for at := range s.claims {
		p.positions.set(at, committed[at])
	}
}

// committed are the group's positions.
func (p *processor) committed(ctx context.Context, s *session) (map[topicPartition]int64, error) {
	return stablePositions(ctx, s.rt.client, p.name, s.assigned)
}

// stablePositions are what a group has committed. It waits for a commit that is
// pending: a position before it might never be mended, for its records do not
// come again.
func stablePositions(ctx context.Context, client *kgo.Client, group string, of map[string][]int32) (map[topicPartition]int64, error) {
	req, err := positionsRequest(ctx, client, group, of)
	if err != nil {
		return nil, err
	}
	for {
		resp, err := req.RequestWith(ctx, client)
		if err != nil {
			return nil, err
		}
		at, err := readPositions(resp)
		if !errors.Is(err, kerr.UnstableOffsetCommit) {
			return at, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// positionsRequest asks for each partition by its name. Asked for all that a
// group has, Kafka is silent on one whose first commit is pending.
func positionsRequest(ctx context.Context, client *kgo.Client, name string, of map[string][]int32) (*kmsg.OffsetFetchRequest, error) {
	var names []string
	for topic := range of {
		names = append(names, topic)
	}
	m, err := kadm.NewClient(client).Metadata(ctx, names...)
	if err != nil {
		return nil, err
	}
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = name
	for topic, partitions := range of {
		t := kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic, t.TopicID, t.Partitions = topic, m.Topics[topic].ID, partitions
		group.Topics = append(group.Topics, t)
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable, req.Groups = true, []kmsg.OffsetFetchRequestGroup{group}
	return req, nil
}

func readPositions(resp *kmsg.OffsetFetchResponse) (map[topicPartition]int64, error) {
	at := map[topicPartition]int64{}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			return nil, err
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, err
				}
				at[topicPartition{t.Topic, p.Partition}] = max(0, p.Offset)
			}
		}
	}
	return at, nil
}
