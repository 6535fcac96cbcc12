package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

const (
	// tickEvery is the least time between two ticks of a partition.
	tickEvery = time.Second
	// duePerTick bounds what one tick wakes, but for rows of one same deadline:
	// a tick may lag behind the wall clock, never run ahead of it.
	duePerTick = 10_000
)

// tellWaiting notes how many rows wait, for the worker's account of itself.
func (s *session) tellWaiting() {
	g := s.rows.g
	for n, p := range s.rows.parts {
		if st := g.e.state.opened(g.Table.Name, n); st != nil && p.deadlines != nil {
			st.waiting.Store(int64(p.deadlines.tree.Len()))
		}
	}
}

// nextTick is when the first partition of the session wants a tick.
func (s *session) nextTick() (first time.Time, ok bool) {
	for _, p := range s.rows.parts {
		if at, waits := s.tickAt(p); waits && (!ok || at.Before(first)) {
			first, ok = at, true
		}
	}
	return first, ok
}

// tickAt is when a partition wants a tick and is not held.
func (s *session) tickAt(p *partitionRows) (at time.Time, ok bool) {
	if p.deadlines == nil {
		return at, false
	}
	at, ok = p.deadlines.next()
	if held := s.holds.ticksFrom(p.partition); at.Before(held) {
		at = held
	}
	return at, ok
}

// tick moves the clock of every partition in which something is due, and wakes
// it, after all records of the batch have been folded. next are the positions
// behind these. It does nothing in a transaction that will be taken back.
func (s *session) tick(now time.Time, next map[topicPartition]int64) error {
	for _, p := range s.rows.parts {
		if s.held() {
			return nil
		}
		if at, waits := s.tickAt(p); !waits || at.After(now) {
			continue
		}
		err := s.tickPartition(p, now, next)
		if errors.Is(err, topology.ErrUnavailable) {
			s.holdRows(p.partition, err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("wake rows of %s/%d: %w", s.rows.g.Table.Name, p.partition, err)
		}
	}
	return nil
}

func (s *session) tickPartition(p *partitionRows, now time.Time, next map[topicPartition]int64) error {
	g := s.rows.g
	due, clock := p.deadlines.take(now)
	p.deadlines.ticked = now
	tick := topology.Tick{Clock: clock.UTC(), Positions: map[string]int64{}}
	for _, in := range g.inputs(p.partition) {
		at, polled := next[in]
		if !polled {
			at = s.rt.p.positions.get(in)
		}
		tick.Positions[in.topic] = at
	}
	value, err := tick.Encode()
	if err != nil {
		return err
	}
	s.rt.produce(&kgo.Record{Topic: g.Ticks.Name, Partition: p.partition, Value: value, Timestamp: clock})
	w := &work{rt: s.rt, s: s, source: g.Ticks, rows: s.rows, part: p, now: now, counters: &g.ticks}
	if g.Outside {
		return g.perform(w, due, clock)
	}
	for _, d := range due {
		if err := g.wake(w, d, clock); err != nil {
			return err
		}
	}
	return nil
}

// wake is the way of one row that is due.
func (g *group) wake(w *work, d deadline, clock time.Time) error {
	w.stored = []byte(d.key)
	row, err := w.loadRow()
	if err != nil {
		return err
	}
	w.raw = topology.Raw{Topic: g.Ticks.Name, Partition: w.part.partition, Offset: -1, Key: w.stored, Timestamp: clock, Headers: topology.MarkedAs(d.key)}
	result, err := w.part.steps.Wake(d.key, row, clock, w.s.pinned)
	if err == nil && result.Parked == nil && topology.Kept(result.Row) != nil && g.careful.Load() {
		_, result.Parked, err = w.part.steps.EncodeRow(result.Row)
	}
	if err != nil {
		return err
	}
	if result.Parked != nil || result.Row == nil {
		w.part.deadlines.remove(d) // until the row changes
	}
	if result.Parked != nil && row != nil {
		if w.raw.Value, err = g.Rows.Encode(row); err != nil {
			return err
		}
	}
	return g.effect(w, result)
}
