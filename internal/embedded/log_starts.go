package embedded

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"payerflow/internal/topology"
)

// startsWithin bounds how long recorded log starts may take to be read.
const startsWithin = 30 * time.Second

// forgetful says whether kfake has lost where partitions begin: it writes that
// down when it is closed in order, and at no other time.
func (c BrokerConfig) forgetful() bool {
	if c.DataDir == "" {
		return false
	}
	if _, err := os.Stat(filepath.Join(c.DataDir, cleanFile)); err == nil {
		return false
	}
	segments, err := segmentBases(partitionDir(c.DataDir, topology.LogStarts.Name, 0))
	return err == nil && len(segments) > 0
}

// applyLogStarts deletes again what was deleted before the broker was killed.
func (b *Broker) applyLogStarts(ctx context.Context, super Login) error {
	ctx, cancel := context.WithTimeout(ctx, startsWithin)
	defer cancel()
	opts := []kgo.Opt{kgo.SeedBrokers(b.addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topology.LogStarts.Name: {0: kgo.NewOffset().AtStart()}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxWait(100 * time.Millisecond)}
	if super != (Login{}) {
		opts = append(opts, kgo.SASL(scram.Auth{User: super.Username, Pass: super.Password}.AsSha512Mechanism()))
	}
	c, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer c.Close()
	admin := kadm.NewClient(c)
	starts, err := recordedStarts(ctx, c, admin)
	if err != nil {
		return fmt.Errorf("log starts: %w", err)
	}
	return deleteBefore(ctx, admin, starts)
}

// recordedStarts are the latest that are said of each partition.
func recordedStarts(ctx context.Context, c *kgo.Client, admin *kadm.Client) (map[string]topology.LogStart, error) {
	ends, err := admin.ListCommittedOffsets(ctx, topology.LogStarts.Name)
	if err != nil {
		return nil, err
	}
	end, ok := ends.Lookup(topology.LogStarts.Name, 0)
	if !ok || end.Err != nil {
		return nil, end.Err
	}
	out := map[string]topology.LogStart{}
	for next := int64(0); next < end.Offset; {
		fetches := c.PollFetches(ctx)
		if err := errors.Join(fetches.Err(), ctx.Err()); err != nil {
			return nil, err
		}
		for _, r := range fetches.Records() {
			next = r.Offset + 1
			if l, err := topology.DecodeLogStart(r.Value); err == nil && !r.Attrs.IsControl() {
				out[l.Key()] = l
			}
		}
	}
	return out, nil
}

// deleteBefore moves partitions to their recorded starts. A topic that was made
// anew since is another one.
func deleteBefore(ctx context.Context, admin *kadm.Client, starts map[string]topology.LogStart) error {
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	now, err := admin.ListStartOffsets(ctx, topics.Names()...)
	if err != nil {
		return err
	}
	todo := kadm.Offsets{}
	for _, l := range starts {
		at, ok := now.Lookup(l.Topic, l.Partition)
		id := topics[l.Topic].ID
		if ok && at.Err == nil && at.Offset < l.Offset && hex.EncodeToString(id[:]) == l.TopicID {
			todo.AddOffset(l.Topic, l.Partition, l.Offset, -1)
		}
	}
	done, err := admin.DeleteRecords(ctx, todo)
	if err != nil {
		return err
	}
	return done.Error()
}
