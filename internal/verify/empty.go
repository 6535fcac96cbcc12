package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// pastEmpty takes off the partitions of which nothing is left to be read:
// compaction has emptied the batches up to their end, and the client says
// nothing of such. That no record came for a while shows nothing.
func (l *Log) pastEmpty(ctx context.Context, left spans) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	defer c.Close()
	for topic, ps := range left {
		meta, err := kadm.NewClient(c).Metadata(ctx, topic)
		if err != nil {
			return fmt.Errorf("topic %s: %w", topic, err)
		}
		for p, s := range ps {
			empty, err := nothingIn(ctx, c, meta.Topics[topic], p, s)
			if err != nil {
				return fmt.Errorf("%s/%d: %w", topic, p, err)
			}
			if empty {
				delete(ps, p)
			}
		}
		if len(ps) == 0 {
			delete(left, topic)
		}
	}
	return nil
}

// nothingIn says whether a run of offsets holds no record and no marker.
func nothingIn(ctx context.Context, c *kgo.Client, topic kadm.TopicDetail, partition int32, s span) (bool, error) {
	for s.from < s.to {
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition, part.FetchOffset, part.PartitionMaxBytes = partition, s.from, 1<<20
		asked := kmsg.NewFetchRequestTopic()
		asked.Topic, asked.TopicID, asked.Partitions = topic.Topic, topic.ID, []kmsg.FetchRequestTopicPartition{part}
		req := kmsg.NewPtrFetchRequest()
		req.IsolationLevel, req.MaxBytes, req.Topics = 1, 1<<20, []kmsg.FetchRequestTopic{asked}
		answer, err := c.Broker(int(topic.Partitions[partition].Leader)).RetriableRequest(ctx, req)
		if err != nil {
			return false, err
		}
		resp := answer.(*kmsg.FetchResponse)
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
			return false, errors.Join(err, errors.New("the fetch was not answered"))
		}
		got, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{KeepControlRecords: true, Offset: s.from, IsolationLevel: kgo.ReadCommitted(),
			Topic: topic.Topic, Partition: partition}, &resp.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
		if got.Err != nil {
			return false, got.Err
		}
		if len(got.Records) > 0 || next <= s.from {
			return false, nil
		}
		s.from = next
	}
	return true, nil
}
