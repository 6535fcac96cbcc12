package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/time/rate"

	"payerflow/internal/topology"
	"payerflow/internal/versions"
)

// session is one assignment of partitions, from Setup to Cleanup. To goka it
// is a sarama.ConsumerGroupSession.
type session struct {
	rt         *runtime
	ctx        context.Context
	cancel     context.CancelFunc
	generation int
	assigned   map[string][]int32
	claims     map[topicPartition]*groupClaim
	partitions []int32       // that the claims have: of the table
	open       atomic.Int64  // messages of the batch that goka has not marked
	drained    chan struct{} // signalled when open falls to zero
	rows       *rows
	holds      holds
	ends       ends
	hops       hops
	pinned     topology.Pinned // of the open transaction
	line       *versions.Line  // of the open transaction: the versions of the group's view, nil for one
	working    bool            // a transaction has its turn
	bound      *rate.Limiter   // of a quiet version; nil: none yet
}

// groupClaim is one input partition of a session.
type groupClaim struct {
	topicPartition
	messages chan *sarama.ConsumerMessage
	end      atomic.Int64
	mu       sync.Mutex
	waiting  [][]*kgo.Record
}

func (c *groupClaim) Topic() string                            { return c.topic }
func (c *groupClaim) Partition() int32                         { return c.partition }
func (c *groupClaim) InitialOffset() int64                     { return sarama.OffsetOldest }
func (c *groupClaim) HighWaterMarkOffset() int64               { return c.end.Load() }
func (c *groupClaim) Messages() <-chan *sarama.ConsumerMessage { return c.messages }

// put hands goka one message that stands for a run of records, and keeps the
// records for the callback. goka's message has no room for all that a record
// is, and a message for each record would cost more than the fold.
func (c *groupClaim) put(ctx context.Context, rs []*kgo.Record) {
	c.mu.Lock()
	c.waiting = append(c.waiting, rs)
	c.mu.Unlock()
	select {
	case c.messages <- &sarama.ConsumerMessage{Topic: c.topic, Partition: c.partition, Offset: rs[0].Offset, Timestamp: rs[0].Timestamp}:
	case <-ctx.Done():
	}
}

// take returns the records that a callback is about.
func (c *groupClaim) take(offset int64) ([]*kgo.Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 || c.waiting[0][0].Offset != offset {
		return nil, fmt.Errorf("%s/%d: callback out of order at offset %d", c.topic, c.partition, offset)
	}
	rs := c.waiting[0]
	c.waiting[0] = nil
	c.waiting = c.waiting[1:]
	return rs, nil
}

func (s *session) Claims() map[string][]int32               { return s.assigned }
func (s *session) MemberID() string                         { id, _ := s.rt.client.GroupMetadata(); return id }
func (s *session) GenerationID() int32                      { return int32(s.generation) }
func (s *session) Context() context.Context                 { return s.ctx }
func (s *session) Commit()                                  {}
func (s *session) ResetOffset(string, int32, int64, string) {}

func (s *session) MarkMessage(m *sarama.ConsumerMessage, meta string) {
	s.MarkOffset(m.Topic, m.Partition, m.Offset+1, meta)
}

// MarkOffset is called once for each message, when all that it caused has been
// acknowledged; not in the order of offsets. Offsets are committed with the
// transaction, never from here.
func (s *session) MarkOffset(string, int32, int64, string) { s.settle() }

func (s *session) settle() {
	if s.open.Add(-1) == 0 {
		select {
		case s.drained <- struct{}{}:
		default:
		}
	}
}

// Errors, Close, Pause and Resume make runtime a sarama.ConsumerGroup.
func (rt *runtime) Errors() <-chan error { return nil }

type consumerGroup struct{ *runtime }

func (consumerGroup) Close() error              { return nil } // the client is closed with the producer
func (consumerGroup) Pause(map[string][]int32)  {}
func (consumerGroup) Resume(map[string][]int32) {}
func (consumerGroup) PauseAll()                 {}
func (consumerGroup) ResumeAll()                {}

// Consume runs sessions until ctx ends or one fails. It loops here because
// goka sleeps five seconds between two calls.
func (g consumerGroup) Consume(ctx context.Context, topics []string, h sarama.ConsumerGroupHandler) error {
	rt := g.runtime
	rt.client.AddConsumeTopics(topics...)
	for {
		rt.mu.Lock()
		assigned, generation := rt.assigned, rt.generation
		rt.mu.Unlock()
		if assigned == nil {
			select {
			case <-ctx.Done():
				return nil
			case <-rt.changed:
			}
			continue
		}
		if err := rt.runSession(ctx, h, assigned, generation); err != nil {
			return err
		}
		if ctx.Err() != nil || rt.failed() != nil {
			return rt.failed()
		}
	}
}

func (rt *runtime) newSession(assigned map[string][]int32, generation int) *session {
	ctx, cancel := context.WithCancel(context.Background())
	s := &session{rt: rt, ctx: ctx, cancel: cancel, generation: generation, assigned: assigned,
		claims: map[topicPartition]*groupClaim{}, drained: make(chan struct{}, 1),
		holds: holds{waits: map[topicPartition]*backoff.ExponentialBackOff{}, ticks: map[int32]time.Time{}}}
	for t, ps := range assigned {
		for _, p := range ps {
			at := topicPartition{t, p}
			s.claims[at] = &groupClaim{topicPartition: at, messages: make(chan *sarama.ConsumerMessage, 64)}
			if !slices.Contains(s.partitions, p) {
				s.partitions = append(s.partitions, p)
			}
		}
	}
	return s
}

// enter announces this worker and ends what workers that are gone left open,
// before any table is restored.
func (rt *runtime) enter(s *session) error {
	m := rt.p.self()
	_, generation := rt.client.GroupMetadata()
	m.Generation, m.Partitions = int64(generation), s.partitions
	offset, err := rt.cluster.announce(s.ctx, m)
	if err == nil {
		err = rt.fence(s.ctx, offset)
	}
	if err == nil && rt.p.g.versioned() { // who comes to a group late may have missed a switch
		err = rt.p.g.e.versions.current(s.ctx)
	}
	if err != nil && s.ctx.Err() == nil {
		rt.fail(err)
	}
	return err
}

func (rt *runtime) runSession(ctx context.Context, h sarama.ConsumerGroupHandler, assigned map[string][]int32, generation int) error {
	s := rt.newSession(assigned, generation)
	defer s.cancel()
	rt.current.Store(s)
	defer rt.current.Store(nil)
	if rt.stale(generation) || rt.failed() != nil {
		return rt.failed()
	}
	started := time.Now()
	rt.p.onAssigned(s)
	stopSetup := context.AfterFunc(ctx, s.cancel) // recovery ends with ctx; a batch, later, does not
	err := rt.enter(s)
	if err == nil {
		err = h.Setup(s)
	}
	if !stopSetup() || err != nil || s.ctx.Err() != nil {
		s.cancel()
		if cleanup := h.Cleanup(s); err == nil {
			err = cleanup
		}
		rt.p.onRevoked()
		if ctx.Err() != nil || rt.stale(generation) {
			return nil
		}
		return rt.conclude(err)
	}
	if s.rows, err = newRows(rt.p.g, rt.p.ownLog(), s.partitions); err != nil {
		rt.fail(err)
		s.cancel()
		rt.p.onRevoked()
		return errors.Join(rt.conclude(err), h.Cleanup(s))
	}
	s.tellWaiting()
	rt.p.log.Info("partitions assigned", "group", rt.p.name, "partitions", len(s.claims), "took", time.Since(started).Round(time.Millisecond))
	rt.p.onRunning(s)

	var wg sync.WaitGroup
	for _, c := range s.claims {
		wg.Go(func() {
			if h.ConsumeClaim(s, c) != nil || s.ctx.Err() == nil {
				rt.fail(errors.New("a partition stopped by itself"))
			}
			s.cancel()
		})
	}
	open, err := s.batches(ctx)
	s.cancel()
	wg.Wait()
	cleanup := h.Cleanup(s) // waits for callbacks and their emits
	if open {
		_, endErr := rt.end(false)
		rt.session.AllowRebalance()
		err = errors.Join(err, endErr)
	}
	rt.p.onRevoked()
	if rt.stale(generation) && rt.failed() == nil {
		return nil
	}
	return rt.conclude(errors.Join(err, cleanup))
}

// conclude prefers our own first cause to goka's error, which holds keys.
func (rt *runtime) conclude(err error) error {
	if cause := rt.failed(); cause != nil {
		return cause
	}
	if err != nil {
		return fmt.Errorf("session ended with an error of kind %T", err)
	}
	return nil
}
