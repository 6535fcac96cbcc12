package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Probed is what a trial of transactions showed.
type Probed struct {
	OpenSeen      bool // readers of what is committed were let past a record of an open transaction
	AbortedSeen   bool // they saw a record of an aborted one
	CommittedSeen bool // they saw a record of a committed one
	BothWritten   bool // a reader of everything saw both: the trial tried something

	// The broker's clock when it took the second record, between Sent and
	// Acknowledged of ours. Zero where its topics do not bear it.
	Appended, Sent, Acknowledged time.Time

	Topic string // the topic made for the trial
	Kept  error  // why it could not be deleted again
}

const (
	probeName       = "payerflow.doctor."
	probeTimeout    = time.Minute
	abortedRecord   = "aborted"
	committedRecord = "committed"
)

// Probe makes a topic of its own, aborts one transaction on it and commits
// another, reads it both ways, and deletes it.
func Probe(ctx context.Context, brokers []string, r Replication, opts ...Option) (p Probed, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	p.Topic = probeName + uuid.NewString()
	c, err := Dial(ctx, brokers, slices.Concat(opts, []Option{kgo.TransactionalID(p.Topic), kgo.TransactionTimeout(askTimeout), kgo.DefaultProduceTopic(p.Topic),
		kgo.UnknownTopicRetries(-1), kgo.RecordPartitioner(kgo.ManualPartitioner())})...)
	if err != nil {
		return p, err
	}
	defer c.Close()
	stamped, short := "LogAppendTime", "3600000"
	if _, err := c.admin.CreateTopic(ctx, 1, int16(r.Factor), map[string]*string{"message.timestamp.type": &stamped, "retention.ms": &short}, p.Topic); err != nil {
		return p, fmt.Errorf("make topic %s: %w", p.Topic, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		deleted, err := c.admin.DeleteTopics(ctx, p.Topic)
		p.Kept = errors.Join(err, deleted.Error())
	}()
	if err := c.transact(ctx, &p); err != nil {
		return p, err
	}
	return p, read(ctx, brokers, &p, opts)
}

// transact aborts one transaction and commits another.
func (c *Client) transact(ctx context.Context, p *Probed) error {
	if err := c.begin(ctx, abortedRecord); err != nil {
		return err
	}
	stable, err := c.admin.ListCommittedOffsets(ctx, p.Topic)
	if err != nil {
		return fmt.Errorf("offsets of %s: %w", p.Topic, err)
	}
	o, _ := stable.Lookup(p.Topic, 0)
	p.OpenSeen = o.Offset > 0
	if err := c.kafka.EndTransaction(ctx, kgo.TryAbort); err != nil {
		return fmt.Errorf("abort: %w", err)
	}
	p.Sent = time.Now()
	if err := c.begin(ctx, committedRecord); err != nil {
		return err
	}
	p.Acknowledged = time.Now()
	if err := c.kafka.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// begin opens a transaction and writes one record in it.
func (c *Client) begin(ctx context.Context, value string) error {
	if err := c.kafka.BeginTransaction(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := c.kafka.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr(); err != nil {
		return fmt.Errorf("write in a transaction: %w", err)
	}
	return nil
}

// read reads the probe's topic to its end, once as readers of what is
// committed do and once everything.
func read(ctx context.Context, brokers []string, p *Probed, opts []Option) error {
	committed, err := readAll(ctx, brokers, p.Topic, kgo.ReadCommitted(), opts)
	if err != nil {
		return err
	}
	for _, r := range committed {
		p.AbortedSeen = p.AbortedSeen || string(r.Value) == abortedRecord
		if string(r.Value) == committedRecord {
			p.CommittedSeen = true
			if r.Attrs.TimestampType() == 1 {
				p.Appended = r.Timestamp
			}
		}
	}
	everything, err := readAll(ctx, brokers, p.Topic, kgo.ReadUncommitted(), opts)
	p.BothWritten = len(everything) == 2
	return err
}

func readAll(ctx context.Context, brokers []string, topic string, level kgo.IsolationLevel, opts []Option) (out []*kgo.Record, err error) {
	c, err := Dial(ctx, brokers, slices.Concat(opts, []Option{kgo.FetchIsolationLevel(level), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}})})...)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ends, err := c.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	end, _ := ends.Lookup(topic, 0)
	for next := int64(0); next < end.Offset; {
		fetches := c.kafka.PollFetches(ctx)
		if err := errors.Join(ctx.Err(), fetches.Err0()); err != nil {
			return nil, fmt.Errorf("read %s: %w", topic, err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				out = append(out, r)
			}
		}
	}
	return out, nil
}
