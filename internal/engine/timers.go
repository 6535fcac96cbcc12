package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/btree"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

const (
	// tickEvery is the least time between two ticks of a partition.
	tickEvery = time.Second
	// duePerTick bounds what one tick wakes, but for rows of one same deadline:
	// a tick may lag behind the wall clock, never run ahead of it.
	duePerTick = 10_000
)

// deadlines are the rows of a partition that wait for a time, in its order. It
// follows from the rows and is made from them when a session begins.
type deadlines struct {
	due    func(row any) time.Time
	tree   *btree.BTreeG[deadline]
	ticked time.Time // wall time of the last tick
}

type deadline struct {
	at  int64 // unix microseconds
	key string
}

func earlier(a, b deadline) bool { return a.at < b.at || a.at == b.at && a.key < b.key }

const treeDegree = 64

// readDeadlines reads the rows of a partition.
func readDeadlines(g *group, log *rowlog.Log, partition int32) (*deadlines, error) {
	d := &deadlines{due: g.Timer.Due, tree: btree.NewG(treeDegree, earlier)}
	var err error
	listErr := log.List(partition, 0, 0, func(r rowlog.Row) bool {
		var row any
		if row, err = g.decodeRow(r.Value); err == nil {
			d.move(r.Key, nil, row)
		}
		return err == nil
	})
	if err == nil {
		err = listErr
	}
	return d, err
}

// move follows the change of a row; before is nil for a new one.
func (d *deadlines) move(key string, before, after any) {
	var was, is time.Time // the zero time: does not wait
	if before != nil {
		was = d.due(before)
	}
	if after != nil {
		is = d.due(after)
	}
	if was.Equal(is) {
		return
	}
	if !was.IsZero() {
		d.tree.Delete(deadline{micros(was), key})
	}
	if !is.IsZero() {
		d.tree.ReplaceOrInsert(deadline{micros(is), key})
	}
}

// micros rounds up: a clock that has reached the index's time has reached the
// row's own.
func micros(t time.Time) int64 { return t.Add(time.Microsecond - 1).UnixMicro() }

// next is the wall time of the next tick; ok is false where nothing waits.
func (d *deadlines) next() (at time.Time, ok bool) {
	first, ok := d.tree.Min()
	at = time.UnixMicro(first.at)
	if soonest := d.ticked.Add(tickEvery); at.Before(soonest) {
		at = soonest
	}
	return at, ok
}

// take is what the next tick wakes, and its clock.
func (d *deadlines) take(now time.Time) (due []deadline, clock time.Time) {
	clock = now
	d.tree.Ascend(func(next deadline) bool {
		at := time.UnixMicro(next.at)
		if at.After(now) {
			return false
		}
		if len(due) >= duePerTick && next.at != due[len(due)-1].at {
			clock = time.UnixMicro(due[len(due)-1].at)
			return false
		}
		due = append(due, next)
		return true
	})
	return due, clock
}

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
		if p.deadlines == nil {
			continue
		}
		if at, waits := p.deadlines.next(); waits && (!ok || at.Before(first)) {
			first, ok = at, true
		}
	}
	return first, ok
}

// tick moves the clock of every partition in which something is due, and wakes
// it, after all records of the batch have been folded. next are the positions
// behind these.
func (s *session) tick(now time.Time, next map[topicPartition]int64) error {
	for _, p := range s.rows.parts {
		if p.deadlines == nil {
			continue
		}
		if at, waits := p.deadlines.next(); !waits || at.After(now) {
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
		w.part.deadlines.tree.Delete(d) // until the row changes
	}
	if result.Parked != nil && row != nil {
		if w.raw.Value, err = g.Rows.Encode(row); err != nil {
			return err
		}
	}
	return g.effect(w, result)
}
