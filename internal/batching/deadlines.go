package batching

import (
	"time"

	"github.com/google/btree"

	"payerflow/internal/rowlog"
)

// Deadlines are the rows of a partition that wait for a time, in its order. It
// follows from the rows and is made from them when a session begins.
type Deadlines struct {
	due     func(row any) time.Time
	tree    *btree.BTreeG[Deadline]
	ticked  time.Time // wall time of the last tick
	settled time.Time // ticked, when the open transaction began
	journal []moved   // of the open transaction
}

// Deadline is when a row wants to be woken.
type Deadline struct {
	at  int64 // unix microseconds
	key string
}

// At is the time that the row names, rounded up to a microsecond.
func (d Deadline) At() time.Time { return time.UnixMicro(d.at) }

// moved is a deadline that the open transaction has put in or taken out.
type moved struct {
	Deadline
	in bool
}

func earlier(a, b Deadline) bool { return a.at < b.at || a.at == b.at && a.key < b.key }

const (
	treeDegree = 64
	// tickEvery is the least time between two ticks of a partition.
	tickEvery = time.Second
	// duePerTick bounds what one tick wakes, but for rows of one same deadline:
	// a tick may lag behind the wall clock, never run ahead of it.
	duePerTick = 10_000
)

func newDeadlines(due func(row any) time.Time) *Deadlines {
	return &Deadlines{due: due, tree: btree.NewG(treeDegree, earlier)}
}

// readDeadlines reads the rows of a partition.
func (r *Rows) readDeadlines(partition int32) (*Deadlines, error) {
	d := newDeadlines(r.g.Timer.Due)
	var err error
	listErr := r.log.List(partition, rowlog.Place{}, func(l rowlog.Row) bool {
		var row any
		if row, err = r.decode(l.Value); err == nil {
			d.move(l.Key, nil, row)
			d.settle()
		}
		return err == nil
	})
	if err == nil {
		err = listErr
	}
	return d, err
}

// move follows the change of a row; before is nil for a new one.
func (d *Deadlines) move(key string, before, after any) {
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
		d.remove(Deadline{micros(was), key})
	}
	if !is.IsZero() {
		d.add(Deadline{micros(is), key})
	}
}

func (d *Deadlines) add(x Deadline) {
	if _, had := d.tree.ReplaceOrInsert(x); !had {
		d.journal = append(d.journal, moved{x, true})
	}
}

func (d *Deadlines) remove(x Deadline) {
	if _, had := d.tree.Delete(x); had {
		d.journal = append(d.journal, moved{x, false})
	}
}

// settle says that the transaction has committed.
func (d *Deadlines) settle() {
	clear(d.journal) // keys
	d.journal, d.settled = d.journal[:0], d.ticked
}

// revert takes back what was done since settle.
func (d *Deadlines) revert() {
	for i := len(d.journal) - 1; i >= 0; i-- {
		if m := d.journal[i]; m.in {
			d.tree.Delete(m.Deadline)
		} else {
			d.tree.ReplaceOrInsert(m.Deadline)
		}
	}
	d.ticked = d.settled
	d.settle()
}

// micros rounds up: a clock that has reached the index's time has reached the
// row's own.
func micros(t time.Time) int64 { return t.Add(time.Microsecond - 1).UnixMicro() }

// Next is the wall time of the next tick; ok is false where nothing waits.
func (d *Deadlines) Next() (at time.Time, ok bool) {
	first, ok := d.tree.Min()
	at = time.UnixMicro(first.at)
	if soonest := d.ticked.Add(tickEvery); at.Before(soonest) {
		at = soonest
	}
	return at, ok
}

// take is what the next tick wakes, and its clock.
func (d *Deadlines) take(now time.Time) (due []Deadline, clock time.Time) {
	clock = now
	d.tree.Ascend(func(next Deadline) bool {
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

// First is the first time that a row waits for, in unix microseconds, 0 where
// none waits.
func (d *Deadlines) First() int64 {
	first, _ := d.tree.Min()
	return first.at
}

// Len is how many rows wait.
func (d *Deadlines) Len() int { return d.tree.Len() }
