package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
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

// count counts records; transaction markers are none.
func count(f kgo.Fetches) (n int) {
	f.EachPartition(func(p kgo.FetchTopicPartition) {
		for _, r := range p.Records {
			if !r.Attrs.IsControl() {
				n++
			}
		}
	})
	return n
}

// dispatch hands records to goka, one message for all that a partition brought.
func (s *session) dispatch(f kgo.Fetches) (n int) {
	f.EachPartition(func(p kgo.FetchTopicPartition) {
		c := s.claims[topicPartition{p.Topic, p.Partition}]
		if c == nil {
			return
		}
		c.end.Store(p.HighWatermark)
		records := withoutMarkers(p.Records)
		if len(records) == 0 {
			return
		}
		n += len(records)
		s.open.Add(1)
		c.put(s.ctx, records)
	})
	return n
}

// behind is how many records the inputs held beyond these positions when they
// were polled last.
func (s *session) behind(next map[topicPartition]int64) (n int64) {
	for at, position := range next {
		if c := s.claims[at]; c != nil {
			n += max(0, c.end.Load()-position)
		}
	}
	return n
}

func withoutMarkers(rs []*kgo.Record) []*kgo.Record {
	for i, r := range rs {
		if r.Attrs.IsControl() {
			kept := append([]*kgo.Record(nil), rs[:i]...)
			for _, r := range rs[i:] {
				if !r.Attrs.IsControl() {
					kept = append(kept, r)
				}
			}
			return kept
		}
	}
	return rs
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

// untilEnd bounds a step at the end of a transaction. A worker that is told to
// stop gives brokers that are away little time more, for all such steps together.
func (rt *runtime) untilEnd() (context.Context, context.CancelFunc) {
	return context.WithTimeout(rt.patience, endTimeout)
}

// flush produces the changed rows and waits until the broker has all that the
// batch produced.
func (rt *runtime) flush(s *session) error {
	if err := s.rows.flush(s); err != nil {
		rt.fail(err)
		return err
	}
	ctx, cancel := rt.untilEnd()
	defer cancel()
	if err := rt.client.Flush(ctx); err != nil {
		rt.fail(fmt.Errorf("flush: %w", err))
	}
	return rt.failed()
}

// end ends the transaction. An error leaves its outcome unknown: the run ends,
// and the next one reads what was committed.
func (rt *runtime) end(commit bool) (bool, error) {
	ctx, cancel := rt.untilEnd()
	defer cancel()
	done, err := rt.session.End(ctx, kgo.TransactionEndTry(commit))
	outcome := aborted
	if done {
		outcome = committed
	}
	rt.p.g.e.metrics.transactions.WithLabelValues(rt.p.name, outcome).Inc()
	if err != nil {
		err = fmt.Errorf("end transaction: %w", err)
		rt.fail(err)
	}
	return done, err
}

// store puts the rows of a committed transaction into the local state.
func (rt *runtime) store(s *session) error {
	err := s.rows.store()
	if err != nil {
		rt.fail(err)
	}
	s.tellWaiting()
	return err
}

// fetchErrors reports what the client does not mend by itself. A position that
// is not in the log any more ends the run: there is none to go on from.
func (rt *runtime) fetchErrors(f kgo.Fetches) {
	f.EachError(func(topic string, partition int32, err error) {
		switch {
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		case errors.Is(err, kerr.OffsetOutOfRange):
			rt.fail(fmt.Errorf("fetch %s/%d: %w", topic, partition, err))
		default:
			rt.p.log.Warn("fetch", "topic", topic, "partition", partition, "error", err)
		}
	})
}

func rawOf(r *kgo.Record) topology.Raw {
	raw := topology.Raw{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
	if len(r.Headers) > 0 {
		raw.Headers = make([]topology.Header, len(r.Headers))
		for i, h := range r.Headers {
			raw.Headers[i] = topology.Header{Key: h.Key, Value: h.Value}
		}
	}
	return raw
}
