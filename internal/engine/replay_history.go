package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/batching"
	"payerflow/internal/topology"
)

// History has what inputs held before their topics forgot it.
type History interface {
	// Lacks says why the records of a partition between two offsets, the second
	// not among them, cannot all be given; "" where they can.
	Lacks(ctx context.Context, topic string, partition int32, from, to int64) (string, error)
	// Read calls each for them, in order, from a time stamp on.
	Read(ctx context.Context, topic string, partition int32, from, to int64, since time.Time, each func(*kgo.Record) error) error
}

const (
	// historyRecords and historyBytes bound a transaction of history.
	historyRecords = 1000
	historyBytes   = 8 << 20
	// retentionSetting is the topic's setting by which old time stamps go.
	retentionSetting = "retention.ms"
)

// forgotten are the inputs of a group that no longer begin at their beginning
// and that it has not read: where they begin.
func (r *Replay) forgotten(ctx context.Context, d topology.Declared) (map[topicPartition]int64, error) {
	at, err := r.positions(ctx, d)
	if err != nil {
		return nil, err
	}
	out := map[topicPartition]int64{}
	made := topology.SelfMade(r.groups, d)
	for i, in := range d.Inputs {
		if made[i] {
			continue
		}
		starts, err := listed(r.cl.admin.ListStartOffsets(ctx, in.Topic.Name))
		if err != nil {
			return nil, err
		}
		for here, first := range starts {
			if at[here] == 0 && first > 0 {
				out[here] = first
			}
		}
	}
	return out, nil
}

// given gives a group what its inputs have forgotten, or says what is lost.
func (r *Replay) given(ctx context.Context, d topology.Declared) error {
	gone, err := r.forgotten(ctx, d)
	if err == nil && len(gone) > 0 {
		if err = r.begins(ctx, d, gone); err == nil {
			err = r.feed(ctx, d, gone)
		}
	}
	return err
}

// begins says whether a group can be given all that its inputs ever held.
func (r *Replay) begins(ctx context.Context, d topology.Declared, forgotten map[topicPartition]int64) error {
	for at, first := range forgotten {
		lacks := "no event store is named"
		if r.history != nil {
			var err error
			if lacks, err = r.history.Lacks(ctx, at.topic, at.partition, 0, first); err != nil {
				return err
			}
		}
		if lacks != "" {
			return refused(HistoryLost, "%s/%d begins at offset %d, and what came before is gone: %s; rows of %s would lack it; --incomplete begins there",
				at.topic, at.partition, first, lacks, d.Name)
		}
	}
	return nil
}

// feed gives a group what its inputs have forgotten: records go to its
// repartition topics, which it reads beside the inputs, with their first
// coordinates. The group then begins where the inputs begin: should they have
// forgotten more when it does, it stops and says so.
func (r *Replay) feed(ctx context.Context, d topology.Declared, forgotten map[topicPartition]int64) error {
	f, err := r.feeder(ctx, d)
	if err != nil {
		return err
	}
	defer f.client.Close()
	if err := f.keep(ctx); err != nil { // old time stamps would go before they are folded
		return err
	}
	fed, err := f.fed(ctx)
	if err != nil {
		return err
	}
	for _, first := range forgotten {
		f.all += first
	}
	for i, in := range d.Inputs {
		for p := range int32(in.Topic.Partitions) {
			at := topicPartition{in.Topic.Name, p}
			if err := f.partition(ctx, i, at, fed[at], forgotten[at]); err != nil {
				return err
			}
		}
	}
	return f.begin(ctx, forgotten)
}

// feeder writes history.
type feeder struct {
	r         *Replay
	d         topology.Declared
	client    *kgo.Client
	batch     []*kgo.Record
	bytes     int
	done, all int64 // offsets
}

func (r *Replay) feeder(ctx context.Context, d topology.Declared) (*feeder, error) {
	most := 0
	for _, via := range d.Vias() {
		most = max(most, via.MaxMessageBytes)
	}
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(r.cfg.Brokers...), kgo.ClientID("payerflow-replay"), kgo.TransactionalID("payerflow.replay." + d.Name),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(int32(most)), kgo.ProducerBatchCompression(kgo.Lz4Compression())}, r.cfg.Client...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	if _, _, err := c.ProducerID(ctx); err != nil { // whoever fed it before has ended
		c.Close()
		return nil, fmt.Errorf("begin: %w", err)
	}
	return &feeder{r: r, d: d, client: c}, nil
}

// fed is up to where an earlier run has fed each partition: it was cut short.
func (f *feeder) fed(ctx context.Context) (map[topicPartition]int64, error) {
	out := map[topicPartition]int64{}
	for _, via := range f.d.Vias() {
		for p := range int32(via.Partitions) {
			err := f.r.cl.readCommitted(ctx, f.r.cfg, topicPartition{via.Name, p}, func(rec *kgo.Record) {
				raw := rawOf(rec)
				batching.Original(&raw)
				at := topicPartition{raw.Topic, raw.Partition}
				out[at] = max(out[at], raw.Offset+1)
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// partition feeds records of an input between two offsets.
func (f *feeder) partition(ctx context.Context, input int, at topicPartition, from, to int64) error {
	in := f.d.Inputs[input]
	f.done += min(from, to)
	err := f.r.history.Read(ctx, at.topic, at.partition, from, to, time.Time{}, func(rec *kgo.Record) error {
		if in.Without != "" && slices.ContainsFunc(rec.Headers, func(h kgo.RecordHeader) bool { return h.Key == in.Without }) {
			return nil
		}
		next := repartitioned(in.Via, rec)
		f.batch, f.bytes = append(f.batch, next), f.bytes+len(next.Key)+len(next.Value)
		if len(f.batch) < historyRecords && f.bytes < historyBytes {
			return nil
		}
		f.r.passed(f.done+rec.Offset-from, f.all)
		return f.commit(ctx)
	})
	if err == nil {
		err = f.commit(ctx) // in order: what is fed of a partition has no gap
	}
	f.done += max(0, to-from)
	return err
}

func (f *feeder) commit(ctx context.Context) error {
	if len(f.batch) == 0 {
		return nil
	}
	if err := f.client.BeginTransaction(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := f.client.ProduceSync(ctx, f.batch...).FirstErr()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	err = errors.Join(err, f.client.EndTransaction(ending, kgo.TransactionEndTry(err == nil)))
	f.batch, f.bytes = nil, 0
	if err != nil {
		return fmt.Errorf("history of %s: %w; the same command goes on", f.d.Name, err)
	}
	return nil
}

// begin has the group begin where its inputs begin.
func (f *feeder) begin(ctx context.Context, forgotten map[topicPartition]int64) error {
	for name, topics := range readsOf(f.d) {
		at := kadm.Offsets{}
		for _, t := range topics {
			for p := range int32(t.Partitions) {
				if first, some := forgotten[topicPartition{t.Name, p}]; some {
					at.AddOffset(t.Name, p, first, -1)
				}
			}
		}
		if len(at) == 0 {
			continue
		}
		if err := f.r.cl.admin.CommitAllOffsets(ctx, name, at); err != nil {
			return fmt.Errorf("positions of %s: %w", name, err)
		}
	}
	return nil
}

// keep has the group's repartition topics keep records whatever their time
// stamps.
func (f *feeder) keep(ctx context.Context) error {
	forEver := "-1"
	for _, via := range f.d.Vias() {
		done, err := f.r.cl.admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: retentionSetting, Value: &forEver}}, via.Name)
		for _, one := range done {
			err = errors.Join(err, one.Err)
		}
		if err != nil {
			return fmt.Errorf("retention of %s: %w", via.Name, err)
		}
	}
	return nil
}
