package engine

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

type topicPartition struct {
	topic     string
	partition int32
}

// runtime is the heart of one run of one processor: one client that consumes
// for the group and produces in transactions, and the session in progress.
// goka reaches it through the builders of builders.go.
type runtime struct {
	p       *processor
	cluster *cluster
	session consumption
	client  *kgo.Client
	admin   *kadm.Client
	lease   *lease

	mu         sync.Mutex
	generation int
	assigned   map[string][]int32 // nil: none
	changed    chan struct{}
	current    atomic.Pointer[session]
	tables     []sarama.Consumer // to close at the end of the run
	abandon    func()            // ends the client without waiting for anything
	patience   context.Context   // ends stopTimeout after the worker was told to stop

	cause atomic.Pointer[error] // the first error that condemned this run
}

// fail keeps the first cause; thousands of equal ones may follow it.
func (rt *runtime) fail(err error) {
	if err != nil {
		rt.cause.CompareAndSwap(nil, &err)
		if s := rt.current.Load(); s != nil {
			s.cancel()
		}
	}
}

func (rt *runtime) failed() error {
	if e := rt.cause.Load(); e != nil {
		return *e
	}
	return nil
}

// heartbeat is how often a member asks, and so how soon it sees that another
// came or left.
const heartbeat = 500 * time.Millisecond

// endTimeout bounds the end of a transaction and the fencing of a predecessor.
// It is not the transaction timeout: a worker that was stopped for long, and
// whose transaction the broker has given up, must find out soon.
const endTimeout = 10 * time.Second

// stopTimeout bounds all of these together once the worker is told to stop.
const stopTimeout = 3 * time.Second

// open makes the client and fences what a predecessor with the same
// transactional id left open, before any table is recovered.
func (rt *runtime) open(ctx context.Context) error {
	cfg := rt.p.g.e.cfg
	life, abandon := context.WithCancel(context.Background())
	rt.abandon = abandon
	opts := append([]kgo.Opt{
		kgo.WithContext(life),
		kgo.SeedBrokers(cfg.Brokers...),
		kgo.ClientID("payerflow"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(2 * time.Millisecond),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.ProducerBatchMaxBytes(rt.p.maxBatchBytes()),
		kgo.MaxBufferedRecords(100_000),
		kgo.ConsumerGroup(rt.p.name),
		kgo.InstanceID(rt.p.g.e.instance),
		kgo.Balancers(kgo.RangeBalancer()), // eager, and keeps co-partitioned topics together
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // a position that the broker lost is never guessed: a guess applies records twice
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // positions move past transaction markers
		kgo.FetchMaxWait(250 * time.Millisecond),
		kgo.FetchMaxBytes(4 << 20),
		kgo.FetchMaxPartitionBytes(256 << 10),
		kgo.SessionTimeout(cfg.SessionTimeout),
		kgo.HeartbeatInterval(heartbeat),
		kgo.RebalanceTimeout(max(cfg.SessionTimeout, cfg.TransactionTimeout)), // whoever needs longer has lost its batch
		kgo.BlockRebalanceOnPoll(),
		cfg.counted(rt.p.name),
		kgo.WithHooks(rt.lease),
		kgo.OnPartitionsAssigned(rt.onAssigned),
		kgo.OnPartitionsRevoked(func(context.Context, *kgo.Client, map[string][]int32) { rt.endSession() }),
		kgo.OnPartitionsLost(func(context.Context, *kgo.Client, map[string][]int32) { rt.endSession() }),
	}, cfg.Client...)
	var err error
	if rt.session, rt.client, err = cfg.open(rt.p.transactionalID(), opts); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	rt.admin = kadm.NewClient(rt.client)
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	if _, _, err := rt.client.ProducerID(ctx); err != nil {
		return errors.Join(fmt.Errorf("fence predecessor: %w", err), rt.close())
	}
	return nil
}

// close ends the client and then leaves the group, so that others take over at
// once: a member with an instance id is not removed by closing, and one that is
// removed before it is closed joins again.
func (rt *runtime) close() error {
	if rt.client == nil {
		return nil
	}
	self := rt.p.self()
	_, generation := rt.client.GroupMetadata()
	self.Generation = int64(generation)
	impatient := time.AfterFunc(closeTimeout, rt.abandon)
	rt.session.CloseAllowingRebalance()
	impatient.Stop()
	rt.abandon()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_, err := rt.cluster.admin.LeaveGroup(ctx, kadm.LeaveGroup(rt.p.name).Reason("worker stops").InstanceIDs(rt.p.g.e.instance))
	if err != nil {
		rt.p.log.Debug("leave group", "error", err)
	}
	if err := rt.cluster.gone(ctx, self); err != nil {
		rt.p.log.Debug("members", "error", err)
	}
	return nil
}

// follow joins again at once where another worker has left the group by itself:
// the next heartbeat would say so up to half a second later. What is told of an
// earlier generation is known by now.
func (p *processor) follow(generation int64) {
	if s := p.owning.Load(); s != nil {
		if _, now := s.rt.client.GroupMetadata(); int64(now) == generation {
			s.rt.client.ForceRebalance()
		}
	}
}

// closeTimeout bounds how long closing waits for a rebalance in progress, and
// for the group to let go.
const closeTimeout = 2 * time.Second

func (rt *runtime) onAssigned(_ context.Context, _ *kgo.Client, m map[string][]int32) {
	all := map[string][]int32{}
	for t, ps := range m {
		all[t] = append([]int32(nil), ps...)
	}
	rt.mu.Lock()
	rt.generation++
	rt.assigned = all
	rt.lease.begin()
	rt.mu.Unlock()
	// kgo's transact session tells of a revocation once for each transaction: a
	// second one, between two transactions, shows only here.
	if s := rt.current.Load(); s != nil {
		s.cancel()
	}
	select {
	case rt.changed <- struct{}{}:
	default:
	}
}

// endSession runs inside a poll: the session sees its context end and aborts.
func (rt *runtime) endSession() {
	rt.mu.Lock()
	rt.generation++
	rt.assigned = nil
	rt.mu.Unlock()
	if s := rt.current.Load(); s != nil {
		s.cancel()
	}
}

func (rt *runtime) stale(generation int) bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.generation != generation
}

// produce sends a record in the open transaction to the partition it names.
// The batch is not committed before all that it produced is acknowledged, and
// not at all where one record failed.
func (rt *runtime) produce(r *kgo.Record) { rt.client.Produce(context.Background(), r, rt.noted) }

// noted is the promise of a record whose place does not matter.
func (rt *runtime) noted(r *kgo.Record, err error) {
	if err != nil && !errors.Is(err, kgo.ErrAborting) {
		rt.fail(fmt.Errorf("produce to %s/%d: %w", r.Topic, r.Partition, err))
	}
}

// Emit and EmitWithHeaders are goka.Producer. goka never calls them: rows and
// outputs are produced by rows.flush and group.send.
func (rt *runtime) Emit(topic, key string, value []byte) *goka.Promise {
	return rt.EmitWithHeaders(topic, key, value, nil)
}

func (rt *runtime) EmitWithHeaders(string, string, []byte, goka.Headers) *goka.Promise {
	promise, finish := goka.NewPromiseWithFinisher()
	return finishWith(promise, finish, errors.ErrUnsupported)
}

func finishWith(p *goka.Promise, finish goka.PromiseFinisher, err error) *goka.Promise {
	finish(nil, err)
	return p
}

// Close is goka.Producer.
func (rt *runtime) Close() error { return rt.close() }

type murmur2 struct{ b []byte }

func newMurmur2() hash.Hash32                  { return &murmur2{} }
func (m *murmur2) Write(p []byte) (int, error) { m.b = append(m.b, p...); return len(p), nil }
func (m *murmur2) Sum(b []byte) []byte         { return append(b, m.b...) }
func (m *murmur2) Reset()                      { m.b = m.b[:0] }
func (m *murmur2) Size() int                   { return 4 }
func (m *murmur2) BlockSize() int              { return 4 }
func (m *murmur2) Sum32() uint32               { return topology.Murmur2(m.b) & 0x7fffffff }
