package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// JournalTopic is the compacted topic that holds a registry's state, in the
// record form of Confluent's registry.
const JournalTopic = "_schemas"

// A schema is at most 1 MiB in a request and about as much in its record.
const maxJournalBatch = 2 << 20

// journalTimeout bounds how long an HTTP request waits for the journal.
const journalTimeout = 10 * time.Second

// journal writes and reads the topic. One goroutine at a time uses it.
type journal struct {
	opts     []kgo.Opt // of every client
	log      *slog.Logger
	producer *kgo.Client // nil after a failure, until the next load
	next     int64       // offset that the next record gets if nobody else writes
}

// openJournal creates the topic if it is missing and refuses one that would
// lose records.
func openJournal(ctx context.Context, brokers []string, as []kgo.Opt, log *slog.Logger) (*journal, error) {
	opts := slices.Clip(append([]kgo.Opt{kgo.SeedBrokers(brokers...)}, as...))
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("embedded registry: %w", err)
	}
	defer client.Close()
	if err := ensureJournal(ctx, kadm.NewClient(client)); err != nil {
		return nil, fmt.Errorf("embedded registry: topic %s: %w", JournalTopic, err)
	}
	return &journal{opts: opts, log: log}, nil
}

func ensureJournal(ctx context.Context, admin *kadm.Client) error {
	created, err := admin.CreateTopic(ctx, 1, -1, map[string]*string{
		"cleanup.policy":    kadm.StringPtr("compact"),
		"retention.ms":      kadm.StringPtr("-1"), // kfake applies it to compacted topics too
		"max.message.bytes": kadm.StringPtr(fmt.Sprint(maxJournalBatch)),
	}, JournalTopic)
	if err == nil {
		err = created.Err
	}
	if err == nil || !errors.Is(err, kerr.TopicAlreadyExists) {
		return err
	}
	topics, err := admin.ListTopics(ctx, JournalTopic)
	if err != nil {
		return err
	}
	if n := len(topics[JournalTopic].Partitions); n != 1 {
		return fmt.Errorf("has %d partitions, must have 1", n)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, JournalTopic)
	if err != nil {
		return err
	}
	config, err := configs.On(JournalTopic, nil)
	if err != nil {
		return err
	}
	for _, c := range config.Configs {
		if policy := c.MaybeValue(); c.Key == "cleanup.policy" && strings.TrimSpace(policy) != "compact" {
			return fmt.Errorf("has cleanup.policy %q, must be compact", policy)
		}
	}
	return nil
}

// load reads the whole journal. It first writes a record of its own and reads
// up to that, which also proves that the journal takes writes.
func (j *journal) load(ctx context.Context) (*state, error) {
	j.close()
	producer, err := kgo.NewClient(append(j.opts,
		kgo.DefaultProduceTopic(JournalTopic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(maxJournalBatch),
		kgo.RecordDeliveryTimeout(journalTimeout),
		kgo.AllowIdempotentProduceCancellation(),
	)...)
	if err != nil {
		return nil, err
	}
	j.producer = producer
	end, err := j.produce(ctx, []journalRecord{endRecord()})
	if err != nil {
		j.close()
		return nil, fmt.Errorf("journal %s: %w", JournalTopic, err)
	}
	s, err := j.replay(ctx, end)
	if err != nil {
		j.close()
		return nil, fmt.Errorf("journal %s: %w", JournalTopic, err)
	}
	j.next = end + 1
	return s, nil
}

// replay folds everything up to and including offset end.
func (j *journal) replay(ctx context.Context, end int64) (*state, error) {
	consumer, err := kgo.NewClient(append(j.opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{JournalTopic: {0: kgo.NewOffset().AtStart()}}),
		kgo.FetchMaxWait(100*time.Millisecond),
	)...)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	s, read := newState(), 0
	for {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		for _, r := range fetches.Records() {
			decoded, err := decodeRecord(r.Key, r.Value)
			if err != nil {
				// Confluent's registry skips such records too.
				j.log.Warn("skipping a journal record", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "error", err)
			} else {
				s.apply(decoded)
			}
			read++
			if r.Offset >= end {
				j.log.Info("journal read", "topic", JournalTopic, "records", read, "subjects", len(s.subjects), "lastId", s.lastID)
				return s, nil
			}
		}
	}
}

// errMoved says that somebody else writes to the journal.
var errMoved = errors.New("another registry wrote to the journal")

// append returns once all records are stored on all in-sync replicas. After an
// error it is unknown which are; the journal must be loaded again.
func (j *journal) append(ctx context.Context, records []journalRecord) error {
	first, err := j.produce(ctx, records)
	if err == nil && first != j.next {
		err = errMoved
	}
	if err != nil {
		j.close()
		return err
	}
	j.next += int64(len(records))
	return nil
}

// produce returns the offset of the first record; the others follow it.
func (j *journal) produce(ctx context.Context, records []journalRecord) (int64, error) {
	batch := make([]*kgo.Record, len(records))
	for i, r := range records {
		key, value, err := r.encode()
		if err != nil {
			return 0, err
		}
		batch[i] = &kgo.Record{Key: key, Value: value}
	}
	ctx, cancel := context.WithTimeout(ctx, journalTimeout)
	defer cancel()
	if err := j.producer.ProduceSync(ctx, batch...).FirstErr(); err != nil {
		return 0, err
	}
	for i, r := range batch {
		if r.Offset != batch[0].Offset+int64(i) {
			return 0, errMoved
		}
	}
	return batch[0].Offset, nil
}

// close frees the producer; load opens one again.
func (j *journal) close() {
	if j.producer != nil {
		j.producer.Close()
		j.producer = nil
	}
}
