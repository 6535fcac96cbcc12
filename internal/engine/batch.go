package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace/noop"

	"payerflow/internal/batching"
	"payerflow/internal/topology"
)

// batches performs the machine's actions on Kafka and the local state until
// the session or ctx ends. open says that a transaction was left open.
func (s *session) batches(ctx context.Context) (open bool, err error) {
	cfg := s.rt.p.g.e.cfg
	m := batching.NewMachine(cfg.BatchRecords, cfg.BatchInterval)
	m.Longest = cfg.TransactionTimeout / 4
	if n := s.rt.p.batch.Load(); n > 0 {
		m.Most = int(n)
	}
	b := &batch{s: s, m: m, next: map[topicPartition]int64{}, span: span{noop.Span{}}}
	defer func() {
		s.leaveTurn(ctx)
		s.hops.end(aborted)       // of what was cut short
		if b.span.IsRecording() { // cut short
			b.span.end(m.Records, aborted)
		}
	}()
	for act := batching.DoPollFirst; ; {
		var o batching.Outcome
		switch act {
		case batching.DoStop:
			return false, m.Fault
		case batching.DoStopOpen:
			return true, m.Fault
		default:
			o = b.perform(ctx, act)
		}
		o.Now = time.Now()
		if act != batching.DoDrain { // a batch that is folded is committed, also when the worker is asked to end
			o.Ended = s.ctx.Err() != nil || ctx.Err() != nil
		}
		act = m.Next(o)
		s.rt.p.batch.Store(int64(m.Most))
	}
}

// batch is what the machine's actions work on.
type batch struct {
	s     *session
	m     *batching.Machine
	last  kgo.Fetches              // polled last
	next  map[topicPartition]int64 // positions behind what was polled
	began time.Time                // its transaction
	ends  time.Time                // since when it is ended
	span  span

	pinned *topology.PinnedStatus // what the batch was pinned to
}

func (b *batch) perform(ctx context.Context, act batching.Action) (o batching.Outcome) {
	s, rt := b.s, b.s.rt
	switch act {
	case batching.DoPollFirst:
		return b.poll(ctx)
	case batching.DoPollMore:
		pollCtx, cancel := context.WithTimeout(s.ctx, b.m.Left(time.Now()))
		b.polled(rt.session.PollRecords(pollCtx, b.m.Room()))
		cancel()
	case batching.DoBegin:
		if o.Err = s.enterTurn(ctx); o.Err != nil {
			return o
		}
		b.began, b.span = time.Now(), rt.p.g.e.span(rt.p.name)
		if err := rt.session.Begin(); err != nil {
			o.Err = fmt.Errorf("begin transaction: %w", err)
			rt.fail(o.Err)
		}
		b.pin()
		s.open.Store(1) // holds the barrier until everything is dispatched
		select {
		case <-s.drained:
		default:
		}
	case batching.DoDispatch:
		o.Records = s.dispatch(b.last)
		o.Behind = s.behind(b.next) > int64(b.m.Most)
		b.last = nil
	case batching.DoDrain:
		s.settle()
		select {
		case <-s.drained:
		case <-s.ctx.Done():
			o.Ended = true
		}
		return o
	case batching.DoTick:
		if o.Err = s.tick(time.Now(), b.next); o.Err != nil {
			rt.fail(o.Err)
		}
	case batching.DoFlush:
		b.ends = time.Now()
		rt.p.g.e.metrics.fold.WithLabelValues(rt.p.name).Observe(b.ends.Sub(b.began).Seconds())
		if o.Again = s.held(); !o.Again {
			if o.Err = b.mark(); o.Err != nil {
				rt.fail(o.Err)
				return o
			}
			o.Err = rt.flush(s)
			o.Again = s.held()
		}
		if o.Err == nil && !o.Again {
			beforeCommit(s)
		}
	case batching.DoCommit, batching.DoAbort:
		o.Committed, o.Err = rt.end(act == batching.DoCommit)
		s.release(b.next, o.Committed)
	case batching.DoStore:
		beforeStore(s)
		o.Err = rt.store(s)
		if b.pinned != nil {
			rt.p.pinned.Store(b.pinned)
		}
		s.hops.end(committed)
		b.span.end(b.m.Records, committed)
		rt.p.g.e.metrics.commit.WithLabelValues(rt.p.name).Observe(time.Since(b.ends).Seconds())
	case batching.DoDrop:
		s.rows.drop()
		s.hops.end(aborted)
		b.span.end(b.m.Records, aborted)
	case batching.DoAdvance:
		for at, next := range b.next {
			rt.p.positions.set(at, next)
		}
		clear(b.next)
	case batching.DoAllow:
		s.leaveTurn(ctx)
		rt.session.AllowRebalance()
		clear(b.next)
	case batching.DoGiveBack:
		if o.Err = rt.session.Begin(); o.Err == nil {
			_, o.Err = rt.end(false)
		}
		rt.session.AllowRebalance()
	}
	return o
}

// poll waits for the first records of a batch. After a rebalance, what was
// polled belongs to a newer assignment.
func (b *batch) poll(ctx context.Context) batching.Outcome {
	s, rt := b.s, b.s.rt
	s.takeTime(ctx, b.m.Records)
	b.m.Records = 0 // paid for
	pollCtx, cancel := context.WithCancel(s.ctx)
	if at, waits := s.nextTick(); waits {
		cancel()
		pollCtx, cancel = context.WithDeadline(s.ctx, at)
	}
	unlink := context.AfterFunc(ctx, cancel)
	b.polled(rt.session.PollRecords(pollCtx, b.m.Most))
	unlink()
	cancel()
	if rt.stale(s.generation) {
		if b.last.NumRecords() == 0 {
			rt.session.AllowRebalance()
		}
		return batching.Outcome{Stale: true, Records: b.last.NumRecords()}
	}
	at, waits := s.nextTick()
	return batching.Outcome{Records: count(b.last), Due: waits && !at.After(time.Now())}
}

// polled takes what a poll brought.
func (b *batch) polled(f kgo.Fetches) {
	b.last = f
	b.s.rt.fetchErrors(f)
	f.EachPartition(func(p kgo.FetchTopicPartition) {
		if n := len(p.Records); n > 0 {
			b.next[topicPartition{p.Topic, p.Partition}] = p.Records[n-1].Offset + 1
		}
	})
}
