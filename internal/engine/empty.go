package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// lull is how long a reader that is short of its end waits for records
	// before it looks whether batches without any lie there.
	lull = 500 * time.Millisecond
	// lookTimeout bounds that question, and emptyBytes its answer.
	lookTimeout = 2 * time.Second
	emptyBytes  = 1 << 20
)

// pastEmpty returns the position behind the batches that follow from and hold
// no record. Compaction empties a batch and keeps its offsets, and the client
// passes over it without a word: whoever reads up to an end would wait for ever
// where such a batch is the last. A client that consumes could not ask: its
// fetch that waits would go first.
func (c *cluster) pastEmpty(ctx context.Context, topic string, partition int32, from int64) (int64, error) {
	return c.past(ctx, topic, partition, from, true, kgo.ReadCommitted())
}

// pastMarkers is pastEmpty that passes over the markers of transactions too,
// as far as one answer of the broker reaches.
func (c *cluster) pastMarkers(ctx context.Context, topic string, partition int32, from int64) (int64, error) {
	return c.past(ctx, topic, partition, from, false, kgo.ReadCommitted())
}

// nothingBetween says whether no committed record lies between two offsets, and
// none can come to.
func (c *cluster) nothingBetween(ctx context.Context, at topicPartition, from, to int64) bool {
	for from < to {
		next, err := c.pastMarkers(ctx, at.topic, at.partition, from)
		if err != nil || next <= from {
			return false
		}
		from = next
	}
	return true
}

func (c *cluster) past(ctx context.Context, topic string, partition int32, from int64, markers bool, isolation kgo.IsolationLevel) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	m, err := c.admin.Metadata(ctx, topic)
	if err != nil {
		return from, fmt.Errorf("position in %s/%d: %w", topic, partition, err)
	}
	where := m.Topics[topic].Partitions[partition]
	if err := errors.Join(m.Topics[topic].Err, where.Err); err != nil {
		return from, fmt.Errorf("position in %s/%d: %w", topic, partition, err)
	}
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, from, emptyBytes
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID, t.Partitions = topic, m.Topics[topic].ID, []kmsg.FetchRequestTopicPartition{p}
	req := kmsg.NewPtrFetchRequest()
	if isolation == kgo.ReadCommitted() {
		req.IsolationLevel = 1
	}
	req.MaxBytes, req.Topics = emptyBytes, []kmsg.FetchRequestTopic{t}
	answer, err := c.client.Broker(int(where.Leader)).RetriableRequest(ctx, req)
	if err != nil {
		return from, fmt.Errorf("position in %s/%d: %w", topic, partition, err)
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return from, errors.Join(fmt.Errorf("position in %s/%d: not answered", topic, partition), err)
	}
	fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		KeepControlRecords: markers, Offset: from, IsolationLevel: isolation, Topic: topic, Partition: partition,
	}, &resp.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	if fetched.Err != nil {
		return from, fmt.Errorf("position in %s/%d: %w", topic, partition, fetched.Err)
	}
	if len(fetched.Records) > 0 { // the client delivers them in its own time
		next = fetched.Records[0].Offset
	}
	return max(from, next), nil
}

// pollUntilLull polls; idle says that nothing came for a lull.
func pollUntilLull(ctx context.Context, client *kgo.Client) (f kgo.Fetches, idle bool, err error) {
	bounded, cancel := context.WithTimeout(ctx, lull)
	defer cancel()
	f = client.PollFetches(bounded)
	if err = f.Err0(); err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return f, false, err
	}
	return f, true, nil
}
