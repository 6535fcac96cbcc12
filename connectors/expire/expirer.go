package expire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/hydrate"
	"payerflow/connectors/kafka"
	"payerflow/connectors/store"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// Group is the consumer group by which one worker is chosen: whoever has the
// partition of the log starts expires.
const Group = "event-store-expirer"

// transactional fences whoever was chosen before.
const transactional = "payerflow.event-store-expirer"

const (
	sessionTimeout = 10 * time.Second
	// mostAtOnce is how many offsets of a partition go in one pass.
	mostAtOnce = 200_000
)

// Reading is a consumer group that reads a topic: what it has not read does
// not expire.
type Reading struct {
	Group, Topic string
	Optional     bool // it counts where it has read something
}

// Options are those of an [Expirer].
type Options struct {
	Brokers  []string
	Client   []kafka.Option
	Schemas  topology.Schemas
	Store    *store.Store
	Days     map[string]time.Duration // by topic: how long it keeps its records
	Readings []Reading
	Keep     time.Duration // how long the store keeps records of these topics at least, 0: for ever
	Every    time.Duration // between two passes
	Now      func() time.Time
	// Free is how many bytes the brokers' disks have left, where they do not tell
	// it themselves; nil: they are asked.
	Free    func() (int64, error)
	Log     *slog.Logger
	Metrics prometheus.Registerer // may be nil
}

// Expirer moves the beginnings of partitions.
type Expirer struct {
	Options
	audit  topology.Serde[events.AuditReceived]
	copy   *hydrate.Copy
	leads  atomic.Bool
	room   room
	mu     sync.Mutex
	status ExpiryStatus
}

// New makes an expirer.
func New(o Options) (*Expirer, error) {
	topic := topologies.AuditReceived.Topic.Name
	audit, err := topologies.AuditReceived.Codec.Bind(o.Schemas, topic)
	if err != nil {
		return nil, fmt.Errorf("codec of %s: %w", topic, err)
	}
	x := &Expirer{Options: o, audit: audit, status: ExpiryStatus{State: standsBy}}
	if o.Metrics != nil {
		o.Metrics.MustRegister(metrics{x})
	}
	return x, nil
}

// Run works until ctx ends. Whatever fails is tried again.
func (x *Expirer) Run(ctx context.Context) (err error) {
	if x.copy, err = hydrate.OpenCopy(x.Brokers, x.Store, x.Client...); err != nil {
		return err
	}
	defer x.copy.Close()
	member, err := kgo.NewClient(slices.Concat([]kgo.Opt{kgo.SeedBrokers(x.Brokers...), kgo.ClientID("payerflow-expirer"), kgo.ConsumerGroup(Group), kgo.ConsumeTopics(topology.LogStarts.Name),
		kgo.SessionTimeout(sessionTimeout), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) {
			if len(ps[topology.LogStarts.Name]) > 0 {
				x.leads.Store(true)
			}
		}),
		kgo.OnPartitionsRevoked(x.resign), kgo.OnPartitionsLost(x.resign)}, x.Client)...)
	if err != nil {
		return fmt.Errorf("expirer: %w", err)
	}
	defer member.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for ctx.Err() == nil {
			member.PollFetches(ctx) // it is a member as long as it polls; what it reads, others wrote
		}
	})
	tick := time.NewTicker(min(x.Every, time.Second))
	defer tick.Stop()
	for last := (time.Time{}); ; {
		if x.leads.Load() && time.Since(last) >= x.Every {
			if more, err := x.term(ctx); err != nil || !more {
				last = time.Now()
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (x *Expirer) resign(_ context.Context, _ *kgo.Client, ps map[string][]int32) {
	if len(ps[topology.LogStarts.Name]) > 0 {
		x.leads.Store(false)
	}
}

// term is one pass with a producer of its own: to begin it fences a worker that
// was chosen before and does not know yet that it no longer is.
func (x *Expirer) term(ctx context.Context) (more bool, err error) {
	producer, err := kgo.NewClient(slices.Concat([]kgo.Opt{kgo.SeedBrokers(x.Brokers...), kgo.ClientID("payerflow-expirer"), kgo.TransactionalID(transactional),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerBatchCompression(kgo.Lz4Compression())}, x.Client)...)
	if err != nil {
		return false, fmt.Errorf("expirer: %w", err)
	}
	defer producer.Close()
	p := &pass{Expirer: x, producer: producer, now: x.Now().UTC(), overdue: map[string]time.Duration{}}
	err = p.run(ctx)
	if err == nil && x.Keep > 0 {
		err = p.sweep(ctx)
	}
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return false, ctx.Err()
	}
	x.ended(p, err)
	return p.more, err
}

// offsetsOf asks the brokers for the offsets of partitions.
func offsetsOf(all kadm.ListedOffsets, err error) (kadm.ListedOffsets, error) {
	if err != nil {
		return nil, fmt.Errorf("offsets: %w: %w", topology.ErrUnavailable, err)
	}
	return all, nil
}
