package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
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
	records, next, err := c.look(ctx, topicPartition{topic, partition}, from, markers, isolation)
	if err != nil {
		return from, err
	}
	if len(records) > 0 { // the client delivers them in its own time
		next = records[0].Offset
	}
	return max(from, next), nil
}

// look fetches once, without waiting: what one answer of up to emptyBytes holds,
// and the offset behind it.
func (c *cluster) look(ctx context.Context, at topicPartition, from int64, markers bool, isolation kgo.IsolationLevel) (records []*kgo.Record, next int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	defer func() {
		if err != nil {
			c.leaders.Delete(at.topic)
			err = fmt.Errorf("position in %s/%d: %w", at.topic, at.partition, err)
		}
	}()
	m, err := c.leading(ctx, at.topic)
	if err != nil {
		return nil, from, err
	}
	where := m.Partitions[at.partition]
	if where.Err != nil {
		return nil, from, where.Err
	}
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = at.partition, from, emptyBytes
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID, t.Partitions = at.topic, m.ID, []kmsg.FetchRequestTopicPartition{p}
	req := kmsg.NewPtrFetchRequest()
	if isolation == kgo.ReadCommitted() {
		req.IsolationLevel = 1
	}
	req.MaxBytes, req.Topics = emptyBytes, []kmsg.FetchRequestTopic{t}
	answer, err := c.client.Broker(int(where.Leader)).RetriableRequest(ctx, req)
	if err != nil {
		return nil, from, err
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, from, errors.Join(errors.New("not answered"), err)
	}
	fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		KeepControlRecords: markers, Offset: from, IsolationLevel: isolation, Topic: at.topic, Partition: at.partition,
	}, &resp.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	return fetched.Records, next, fetched.Err
}

// leading says who leads a topic's partitions. It is taken for granted until a
// question fails.
func (c *cluster) leading(ctx context.Context, topic string) (kadm.TopicDetail, error) {
	if known, ok := c.leaders.Load(topic); ok {
		return known.(kadm.TopicDetail), nil
	}
	m, err := c.admin.Metadata(ctx, topic)
	if err != nil {
		return kadm.TopicDetail{}, err
	}
	d := m.Topics[topic]
	if d.Err == nil {
		c.leaders.Store(topic, d)
	}
	return d, d.Err
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
