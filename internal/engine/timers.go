package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/batching"
	"payerflow/internal/topology"
)

// tellWaiting notes how many rows wait, for the worker's account of itself.
func (s *session) tellWaiting() {
	g := s.rows.g
	for p := range s.rows.All() {
		if st := g.e.state.opened(g.Table.Name, p.Number); st != nil && p.Deadlines != nil {
			st.waiting.Store(int64(p.Deadlines.Len()))
			st.first.Store(p.Deadlines.First())
		}
	}
}

// nextTick is when the first partition of the session wants a tick.
func (s *session) nextTick() (first time.Time, ok bool) {
	for p := range s.rows.All() {
		if at, waits := s.tickAt(p); waits && (!ok || at.Before(first)) {
			first, ok = at, true
		}
	}
	return first, ok
}

// tickAt is when a partition wants a tick and is not held.
func (s *session) tickAt(p *batching.Part) (at time.Time, ok bool) {
	if p.Deadlines == nil {
		return at, false
	}
	at, ok = p.Deadlines.Next()
	if held := s.holds.ticksFrom(p.Number); at.Before(held) {
		at = held
	}
	return at, ok
}

// tick moves the clock of every partition in which something is due, and wakes
// it, after all records of the batch have been folded. next are the positions
// behind these. It does nothing in a transaction that will be taken back.
func (s *session) tick(now time.Time, next map[topicPartition]int64) error {
	for p := range s.rows.All() {
		if s.held() {
			return nil
		}
		if at, waits := s.tickAt(p); !waits || at.After(now) {
			continue
		}
		err := s.tickPartition(p, now, next)
		if errors.Is(err, topology.ErrUnavailable) {
			s.holdRows(p.Number, err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("wake rows of %s/%d: %w", s.rows.g.Table.Name, p.Number, err)
		}
	}
	return nil
}

func (s *session) tickPartition(p *batching.Part, now time.Time, next map[topicPartition]int64) error {
	g := s.rows.g
	due, tick := s.rows.Tick(p, now, func(topic string) int64 {
		in := topicPartition{topic, p.Number}
		if at, polled := next[in]; polled {
			return at
		}
		return s.rt.p.positions.get(in)
	})
	value, err := tick.Encode()
	if err != nil {
		return err
	}
	s.rt.produce(&kgo.Record{Topic: g.Ticks.Name, Partition: p.Number, Value: value, Timestamp: tick.Clock})
	w := &work{rt: s.rt, s: s, source: g.Ticks, Work: batching.NewWork(s.rows.Rows, p), now: now, counters: &g.ticks}
	if g.Outside {
		return g.perform(w, due, tick.Clock)
	}
	for _, d := range due {
		w.Quiet = s.quietAt(d.At())
		result, err := w.Wake(d, tick.Clock, s.pinned, w)
		if err != nil {
			return err
		}
		w.count(result)
	}
	return nil
}
