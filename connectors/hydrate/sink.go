package hydrate

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/kafka"
	"payerflow/connectors/store"
	"payerflow/internal/observe"
	"payerflow/internal/topology"
)

// Group is the consumer group of all sinks: its committed offsets say how far
// the store has what topics hold.
const Group = "event-store-sink"

const (
	batchRecords = 5000
	// linger is how long a fetch may wait for more: one write of many costs
	// less than many.
	linger = time.Second
	// fetchBytes is when it does not wait.
	fetchBytes  = 256 << 10
	longestWait = 15 * time.Second
	// sessionTimeout is how long a dead worker's partitions are nobody's.
	sessionTimeout = 10 * time.Second
	askTimeout     = 15 * time.Second
)

// Sink stores what topics hold.
type Sink struct {
	brokers []string
	opts    []kafka.Option
	store   *store.Store
	read    *Reader
	log     *slog.Logger
	metrics *metrics
	counts  kgo.Opt           // of the client that reads
	fault   func(step string) // a test's, between two steps

	client  *kgo.Client
	admin   *kadm.Client
	moves   atomic.Int64 // of partitions to and from others
	mu      sync.Mutex
	numbers map[string]incarnation
	status  SinkStatus
}

type incarnation struct {
	id     kadm.TopicID
	number int
}

// New makes a sink; metrics go to reg, which may be nil.
func New(brokers []string, s topology.Schemas, to *store.Store, log *slog.Logger, reg prometheus.Registerer, opts ...kafka.Option) (*Sink, error) {
	read, err := NewReader(s)
	if err != nil {
		return nil, err
	}
	sink := &Sink{brokers: brokers, opts: opts, store: to, read: read, log: log, numbers: map[string]incarnation{}}
	sink.metrics, sink.counts = newMetrics(sink, reg), observe.Client(reg, "store")
	return sink, nil
}

// Run works until ctx ends. Whatever fails is tried again.
func (s *Sink) Run(ctx context.Context) error {
	asks, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(s.brokers...), kgo.ClientID("payerflow-store")}, s.opts...)...)
	if err != nil {
		return fmt.Errorf("event store: %w", err)
	}
	defer asks.Close()
	s.admin = kadm.NewClient(asks) // before partitions come
	client, err := kgo.NewClient(slices.Concat([]kgo.Opt{kgo.SeedBrokers(s.brokers...), kgo.ClientID("payerflow-store"), kgo.ConsumerGroup(Group), kgo.ConsumeTopics(Topics()...),
		// An eager balancer: no partition is kept in a move, and what was read and
		// not committed comes again.
		kgo.Balancers(kgo.RangeBalancer()), kgo.SessionTimeout(sessionTimeout), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(linger), kgo.FetchMinBytes(fetchBytes), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.AdjustFetchOffsetsFn(s.begin),
		kgo.OnPartitionsRevoked(s.moved), kgo.OnPartitionsLost(s.moved), s.counts}, s.opts)...)
	if err != nil {
		return fmt.Errorf("event store: %w", err)
	}
	s.client = client
	defer client.CloseAllowingRebalance()
	for ctx.Err() == nil {
		fetches := client.PollRecords(ctx, batchRecords)
		s.held(fetches)
		if records := fetches.Records(); len(records) > 0 {
			s.take(ctx, records)
		}
		client.AllowRebalance()
	}
	return nil
}

// moved: everybody begins again where offsets are committed.
func (s *Sink) moved(context.Context, *kgo.Client, map[string][]int32) {
	s.moves.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.ends = nil
}

// take stores a batch and commits it, as often as it takes. If partitions move
// meanwhile, the batch is read again by whoever has them then.
func (s *Sink) take(ctx context.Context, records []*kgo.Record) {
	moves, wait := s.moves.Load(), backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 200*time.Millisecond, longestWait
	for {
		err := s.once(ctx, records, moves)
		s.outcome(records, err)
		if err == nil || ctx.Err() != nil {
			return
		}
		s.client.AllowRebalance() // nobody waits for us while the store is away
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait.NextBackOff()):
		}
		if s.moves.Load() != moves {
			return
		}
	}
}

func (s *Sink) once(ctx context.Context, records []*kgo.Record, moves int64) error {
	if err := s.identify(ctx, records); err != nil {
		return err
	}
	batch := make([]store.Record, 0, len(records))
	for _, r := range records {
		if r.Attrs.IsControl() {
			continue
		}
		kept, err := s.read.Record(r, s.number(r.Topic))
		if err != nil {
			return err
		}
		batch = append(batch, kept)
	}
	s.step("read")
	if len(batch) > 0 {
		written, err := s.store.Put(ctx, batch)
		if err != nil {
			return err
		}
		s.metrics.wrote(written)
	}
	s.step("stored")
	if s.moves.Load() != moves {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if err := s.client.CommitRecords(ctx, records...); err != nil {
		return fmt.Errorf("offsets of %s: %w: %w", Group, topology.ErrUnavailable, err)
	}
	return nil
}

func (s *Sink) step(name string) {
	if s.fault != nil {
		s.fault(name)
	}
}

// identify learns which lives of their topics records are of.
func (s *Sink) identify(ctx context.Context, records []*kgo.Record) error {
	names := map[string]bool{}
	for _, r := range records {
		names[r.Topic] = true
	}
	_, err := s.ids(ctx, names)
	return err
}

// ids looks the topics' ids up, and returns those that the store had not met.
func (s *Sink) ids(ctx context.Context, names map[string]bool) (fresh []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var list []string
	for n := range names {
		list = append(list, n)
	}
	details, err := s.admin.ListTopics(ctx, list...)
	if err != nil {
		return nil, fmt.Errorf("topic ids: %w: %w", topology.ErrUnavailable, err)
	}
	var known []store.Incarnation
	for topic, d := range details {
		s.mu.Lock()
		have := s.numbers[topic]
		s.mu.Unlock()
		if d.Err != nil || have.number > 0 && have.id == d.ID {
			continue
		}
		if known == nil {
			if known, err = s.store.Incarnations(ctx); err != nil {
				return nil, err
			}
		}
		id := hex.EncodeToString(d.ID[:])
		if !slices.ContainsFunc(known, func(i store.Incarnation) bool { return i.Topic == topic && i.TopicID == id }) {
			fresh = append(fresh, topic)
		}
		number, err := s.store.Incarnation(ctx, topic, id)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.numbers[topic] = incarnation{d.ID, number}
		s.mu.Unlock()
	}
	return fresh, nil
}

func (s *Sink) number(topic string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.numbers[topic].number
}

// begin has a topic that the store has not met read from its start: what was
// committed is of another one of the same name.
func (s *Sink) begin(ctx context.Context, at map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	names := map[string]bool{}
	for topic := range at {
		names[topic] = true
	}
	wait := backoff.NewExponentialBackOff()
	wait.MaxInterval = longestWait
	fresh, err := backoff.Retry(ctx, func() ([]string, error) {
		fresh, err := s.ids(ctx, names)
		if err != nil && !errors.Is(err, context.Canceled) {
			s.outcome(nil, err)
		}
		return fresh, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
	for _, topic := range fresh {
		for p := range at[topic] {
			at[topic][p] = kgo.NewOffset().AtStart()
		}
	}
	return at, err
}
