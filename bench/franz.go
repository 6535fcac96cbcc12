package main

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// runFranz is the limit: consume, decode, fold in a map, encode, produce. No
// store, no changelog, nothing to recover from; two workers share partitions.
func runFranz(ctx context.Context, j job) error {
	codecs := map[string]feed{}
	var names []string
	for _, f := range feeds {
		names = append(names, f.topic.Name)
		codecs[f.topic.Name] = f
	}
	c := newClient(kgo.ConsumerGroup(j.group()), kgo.ConsumeTopics(names...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(), kgo.ProducerLinger(10*time.Millisecond), kgo.MaxBufferedRecords(100_000), kgo.FetchMaxPartitionBytes(1<<20))
	defer c.Close()
	out := view(j.id).Name
	const workers = 2
	var rows [workers]map[string]status
	for w := range rows {
		rows[w] = map[string]status{}
	}
	for n := 0; n < total; {
		fetches := c.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		n += fetches.NumRecords()
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				fetches.EachPartition(func(p kgo.FetchTopicPartition) {
					if int(p.Partition)%workers != w {
						return
					}
					for _, r := range p.Records {
						seen()
						event, err := codecs[p.Topic].codec.Decode(r.Value)
						must(err)
						row := apply(rows[w][string(r.Key)], event.(fact))
						rows[w][string(r.Key)] = row
						value, err := statusCodec.Encode(row)
						must(err)
						c.Produce(ctx, &kgo.Record{Topic: out, Key: r.Key, Value: value, Timestamp: r.Timestamp}, func(_ *kgo.Record, err error) { must(err) })
					}
				})
			})
		}
		wg.Wait()
	}
	if err := c.Flush(ctx); err != nil {
		return err
	}
	if err := c.CommitUncommittedOffsets(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
