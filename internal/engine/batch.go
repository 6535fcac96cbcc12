package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace/noop"

	"payerflow/internal/topology"
)

// batches performs the machine's actions on Kafka and the local state until
// the session or ctx ends. open says that a transaction was left open.
func (s *session) batches(ctx context.Context) (open bool, err error) {
	cfg := s.rt.p.g.e.cfg
	m := newMachine(cfg.BatchRecords, cfg.BatchInterval)
	m.longest = cfg.TransactionTimeout / 4
	if n := s.rt.p.batch.Load(); n > 0 {
		m.most = int(n)
	}
	b := &batch{s: s, m: m, next: map[topicPartition]int64{}, span: span{noop.Span{}}}
	defer func() {
		if b.span.IsRecording() { // cut short
			b.span.end(m.records, aborted)
		}
	}()
	for act := doPollFirst; ; {
		var o outcome
		switch act {
		case doStop:
			return false, m.fault
		case doStopOpen:
			return true, m.fault
		default:
			o = b.perform(ctx, act)
		}
		o.now = time.Now()
		if act != doDrain { // a batch that is folded is committed, also when the worker is asked to end
			o.ended = s.ctx.Err() != nil || ctx.Err() != nil
		}
		act = m.next(o)
		s.rt.p.batch.Store(int64(m.most))
	}
}

// batch is what the machine's actions work on.
type batch struct {
	s     *session
	m     *machine
	last  kgo.Fetches              // polled last
	next  map[topicPartition]int64 // positions behind what was polled
	began time.Time                // of its end
	span  span

	pinned *topology.PinnedStatus // what the batch was pinned to
}

func (b *batch) perform(ctx context.Context, act action) (o outcome) {
	s, rt := b.s, b.s.rt
	switch act {
	case doPollFirst:
		return b.poll(ctx)
	case doPollMore:
		pollCtx, cancel := context.WithTimeout(s.ctx, b.m.left(time.Now()))
		b.polled(rt.session.PollRecords(pollCtx, b.m.room()))
		cancel()
	case doBegin:
		b.span = rt.p.g.e.span(rt.p.name)
		if err := rt.session.Begin(); err != nil {
			o.err = fmt.Errorf("begin transaction: %w", err)
			rt.fail(o.err)
		}
		b.pin()
		s.open.Store(1) // holds the barrier until everything is dispatched
		select {
		case <-s.drained:
		default:
		}
	case doDispatch:
		o.records = s.dispatch(b.last)
		o.behind = s.behind(b.next) > int64(b.m.most)
		b.last = nil
	case doDrain:
		s.settle()
		select {
		case <-s.drained:
		case <-s.ctx.Done():
			o.ended = true
		}
		return o
	case doTick:
		if o.err = s.tick(time.Now(), b.next); o.err != nil {
			rt.fail(o.err)
		}
	case doFlush:
		b.began = time.Now()
		if o.again = s.held(); !o.again {
			if o.err = b.mark(); o.err != nil {
				rt.fail(o.err)
				return o
			}
			o.err = rt.flush(s)
			o.again = s.held()
		}
		if o.err == nil && !o.again {
			beforeCommit(s)
		}
	case doCommit, doAbort:
		o.committed, o.err = rt.end(act == doCommit)
		s.release(b.next, o.committed)
	case doStore:
		beforeStore(s)
		o.err = rt.store(s)
		if b.pinned != nil {
			rt.p.pinned.Store(b.pinned)
		}
		b.span.end(b.m.records, committed)
		rt.p.g.e.metrics.commit.WithLabelValues(rt.p.name).Observe(time.Since(b.began).Seconds())
	case doDrop:
		s.rows.drop()
		b.span.end(b.m.records, aborted)
	case doAdvance:
		for at, next := range b.next {
			rt.p.positions.set(at, next)
		}
		clear(b.next)
	case doAllow:
		rt.session.AllowRebalance()
		clear(b.next)
	case doGiveBack:
		if o.err = rt.session.Begin(); o.err == nil {
			_, o.err = rt.end(false)
		}
		rt.session.AllowRebalance()
	}
	return o
}

// poll waits for the first records of a batch. After a rebalance, what was
// polled belongs to a newer assignment.
func (b *batch) poll(ctx context.Context) outcome {
	s, rt := b.s, b.s.rt
	pollCtx, cancel := context.WithCancel(s.ctx)
	if at, waits := s.nextTick(); waits {
		cancel()
		pollCtx, cancel = context.WithDeadline(s.ctx, at)
	}
	unlink := context.AfterFunc(ctx, cancel)
	b.polled(rt.session.PollRecords(pollCtx, b.m.most))
	unlink()
	cancel()
	if rt.stale(s.generation) {
		if b.last.NumRecords() == 0 {
			rt.session.AllowRebalance()
		}
		return outcome{stale: true, records: b.last.NumRecords()}
	}
	at, waits := s.nextTick()
	return outcome{records: count(b.last), due: waits && !at.After(time.Now())}
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
