package engine

import (
	"context"
	"errors"
	"hash"
	"slices"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"payerflow/internal/topology"
)

// options are goka's own hooks, through which a processor gets our client,
// consumers, topics and store in place of sarama and LevelDB.
func (rt *runtime) options(ctx context.Context) []goka.ProcessorOption {
	options := []goka.ProcessorOption{
		goka.WithLogger(discard{}),
		goka.WithHasher(newMurmur2),
		goka.WithNilHandling(goka.NilProcess),
		goka.WithProducerBuilder(func([]string, string, func() hash.Hash32) (goka.Producer, error) { return rt.buildProducer(ctx) }),
		goka.WithConsumerGroupBuilder(rt.buildGroup),
		goka.WithConsumerSaramaBuilder(rt.buildConsumer),
		goka.WithTopicManagerBuilder(func([]string) (goka.TopicManager, error) { return &topicManager{rt.cluster, rt}, nil }),
		goka.WithStorageBuilder(rt.buildStorage),
		goka.WithUpdateCallback(updateFromChangelog),
	}
	if rt.p.g.e.cfg.Standby && rt.p.table() != "" {
		options = append(options, goka.WithHotStandby())
	}
	return options
}

// buildProducer runs before buildGroup: goka makes the producer first, and the
// consumer group shares its client.
func (rt *runtime) buildProducer(ctx context.Context) (goka.Producer, error) {
	if err := rt.open(ctx); err != nil {
		return nil, err
	}
	return rt, nil
}

func (rt *runtime) buildGroup([]string, string, string) (sarama.ConsumerGroup, error) {
	if rt.client == nil {
		return nil, errors.New("the producer is built before the consumer group")
	}
	return consumerGroup{rt}, nil
}

func (rt *runtime) buildConsumer([]string, string) (sarama.Consumer, error) {
	c, err := newTableConsumer(rt.p.g.e.cfg, rt.cluster)
	if err == nil {
		rt.mu.Lock()
		rt.tables = append(rt.tables, c) // goka never closes those of its lookups
		rt.mu.Unlock()
	}
	return c, err
}

// buildStorage opens a partition of a table: the group's own, or a copy of a
// joined or looked-up one.
func (rt *runtime) buildStorage(topic string, partition int32) (storage.Storage, error) {
	name, log, err := rt.p.openTable(rt.cluster, topic)
	if err != nil {
		return nil, err
	}
	at, standby := tablePartition{name, partition}, rt.standby(topic, partition)
	st, err := rt.p.g.e.state.openStore(at, log, standby)
	if err != nil {
		return nil, err
	}
	session := rt.current.Load()
	switch {
	case standby:
		var end int64
		if _, end, err = rt.changelogEnds(topic, st); err == nil {
			err = st.follow(end)
		}
	case topic == rt.p.table() && session != nil:
		err = rt.restore(session.ctx, st)
	}
	if err == nil {
		return st, nil
	}
	if !errors.Is(err, context.Canceled) {
		rt.fail(err)
	}
	return nil, errors.Join(err, st.Close()) // goka closes only what it got: left open, the partition would look as if it were here
}

// standby says whether rows are those of a partition that another worker folds:
// they are followed for the day that this one takes it over.
func (rt *runtime) standby(topic string, partition int32) bool {
	s := rt.current.Load()
	if s == nil || !rt.p.g.e.cfg.Standby || slices.Contains(s.partitions, partition) {
		return false
	}
	return topic == rt.p.table() || slices.ContainsFunc(rt.p.g.Joins, func(j topology.TableRef) bool { return j.Topic.Name == topic })
}

// updateFromChangelog applies one changelog record. Transaction markers arrive
// as records without key and value: they move the offset and nothing else.
func updateFromChangelog(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {
	if _, control := ctx.Headers()[controlHeader]; control {
		return nil
	}
	if value == nil {
		return s.Delete(key)
	}
	return s.Set(key, value)
}

// discard is where goka's log lines go: they hold keys.
type discard struct{}

func (discard) Print(...any)          {}
func (discard) Println(...any)        {}
func (discard) Printf(string, ...any) {}
