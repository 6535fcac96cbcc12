package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

// past is a watcher that begins before what is kept: the log is read for it up
// to where it has been handed over what was committed since.
type past struct {
	w      *watcher
	to     int64
	states []topology.State
	cut    bool // there are more
}

const (
	// pastFor bounds one reading of the log, in time.
	pastFor = 30 * time.Second
	// maxGaps bounds what is looked at again; a log with more was compacted.
	maxGaps = 10000
)

// read has the log read for a watcher, together with those that ask meanwhile.
func (ts *tails) read(t *tail, p *past) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.behind = append(t.behind, p); t.reading {
		return
	}
	t.reading = true
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.closed {
		return // all watches are ended
	}
	ts.wg.Go(func() {
		select {
		case ts.slots <- struct{}{}:
			defer func() { <-ts.slots }()
		case <-ts.ctx.Done():
			return
		}
		for ts.readOnce(t) {
		}
	})
}

func (ts *tails) readOnce(t *tail) bool {
	t.mu.Lock()
	of := t.behind
	t.behind, t.reading = nil, len(of) > 0
	t.mu.Unlock()
	if len(of) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ts.ctx, pastFor)
	defer cancel()
	l, err := ts.look(ctx, t, of)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range of {
		p.w.pending = false
		switch {
		case err != nil:
			p.w.queue = nil
			p.w.end(fmt.Errorf("%w: %w", topology.ErrUnavailable, err))
		case p.w.from <= l.gone:
			p.w.queue = nil
			p.w.end(topology.ErrPassed)
		case p.cut:
			p.w.queue = p.states
			p.w.end(topology.ErrBehind)
		default:
			p.w.queue = append(p.states, p.w.queue...)
			p.w.wake()
		}
	}
	if err == nil && l.whole() && l.from < t.first && l.to >= t.first {
		t.remember(l)
	}
	return true
}

// remember puts what was read before what is kept.
func (t *tail) remember(l *looked) {
	var before []*kgo.Record
	for _, r := range l.records {
		if r.Offset < t.first {
			before = append(before, r)
			t.bytes += size(r)
		}
	}
	t.kept, t.first = append(before, t.kept...), l.from
}

// looked is what was found in a part of the log.
type looked struct {
	from, to int64
	gone     int64         // the last offset that the log does not have any more, -1: it has all
	records  []*kgo.Record // committed, as far as they are few
	few      bool
	gaps     [][2]int64
}

func (l *looked) whole() bool { return l.gone < l.from && l.few }

// look reads the log for watchers.
func (ts *tails) look(ctx context.Context, t *tail, of []*past) (*looked, error) {
	l := &looked{from: of[0].w.from, gone: -1, few: true}
	byKey := map[string][]*past{}
	for _, p := range of {
		l.from, l.to = min(l.from, p.w.from), max(l.to, p.to)
		byKey[p.w.key] = append(byKey[p.w.key], p)
	}
	cl, err := ts.e.progress.cluster()
	if err != nil {
		return nil, err
	}
	start, err := cl.offset(t.at.topic, t.at.partition, oldest)
	if err != nil {
		return nil, err
	}
	if l.from < start {
		l.gone = start - 1
	}
	next := max(l.from, start)
	err = ts.span(ctx, cl, t.at, next, l.to, kgo.ReadCommitted(), func(r *kgo.Record) {
		l.gap(next, r.Offset)
		if next = r.Offset + 1; r.Attrs.IsControl() {
			return
		}
		if l.few = l.few && len(l.records) < tailKept/4; l.few {
			l.records = append(l.records, r)
		}
		for _, p := range byKey[t.of(r)] {
			p.add(r)
		}
	})
	if err != nil {
		return nil, err
	}
	l.gap(next, l.to)
	return l, ts.explain(ctx, cl, t.at, l)
}

func (p *past) add(r *kgo.Record) {
	switch {
	case r.Offset < p.w.from || r.Offset >= p.to:
	case len(p.states) == watchPast:
		p.cut = true
	default:
		p.states = append(p.states, stateOf(r))
	}
}

func (l *looked) gap(from, to int64) {
	if from < to {
		l.gaps = append(l.gaps, [2]int64{from, to})
	}
}

// explain finds what is gone of the gaps between committed records: what is
// there as uncommitted was aborted.
func (ts *tails) explain(ctx context.Context, cl *cluster, at topicPartition, l *looked) error {
	if len(l.gaps) == 0 {
		return nil
	}
	if len(l.gaps) > maxGaps {
		l.gone = l.to
		return nil
	}
	next := l.gaps[0][0]
	missing := func(to int64) {
		for _, g := range l.gaps {
			if from, end := max(g[0], next), min(g[1], to); from < end {
				l.gone = max(l.gone, end-1)
			}
		}
	}
	err := ts.span(ctx, cl, at, next, l.gaps[len(l.gaps)-1][1], kgo.ReadUncommitted(), func(r *kgo.Record) {
		if r.Offset > next {
			missing(r.Offset)
		}
		next = r.Offset + 1
	})
	if end := l.gaps[len(l.gaps)-1][1]; err == nil && next < end {
		missing(end)
	}
	return err
}

// span reads a part of the log to its end, markers too.
func (ts *tails) span(ctx context.Context, cl *cluster, at topicPartition, from, to int64, isolation kgo.IsolationLevel, f func(*kgo.Record)) error {
	if from >= to {
		return nil
	}
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(ts.e.cfg.Brokers...), kgo.ClientID("payerflow-watch-past"),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{at.topic: {at.partition: kgo.NewOffset().At(from)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchIsolationLevel(isolation), markers(),
		kgo.FetchMaxBytes(4 << 20), kgo.FetchMaxPartitionBytes(4 << 20), kgo.MaxConcurrentFetches(1), kgo.FetchMaxWait(100 * time.Millisecond),
	}, ts.e.cfg.Client...)...)
	if err != nil {
		return err
	}
	defer client.Close()
	for next := from; next < to; {
		fetches, idle, err := pollUntilLull(ctx, client)
		if err != nil {
			return err
		}
		if idle {
			past, err := cl.past(ctx, at.topic, at.partition, next, true, isolation) // what was aborted is there for who reads uncommitted
			if err != nil {
				return err
			}
			next = max(next, past)
		}
		for _, failed := range fetches.Errors() {
			if !idle {
				return failed.Err
			}
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if next = r.Offset + 1; r.Offset < to {
				f(r)
			}
		}
	}
	return nil
}
