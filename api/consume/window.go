package consume

import (
	"errors"
	"slices"
	"time"

	"payerflow/connectors/kafka"
	"payerflow/events"
)

// window is what the owner of a subscription's pulls knows: the events that
// were read and are not done, and who has a lease on which. It does no I/O and
// has no clock. What it may commit is, in each partition, the position before
// which every event is done: an acknowledgement out of order moves nothing,
// and an event that was not acknowledged is never passed over.
type window struct {
	epoch   string // of this owner; a lease of another is unknown here
	retries int    // redeliveries before an event is given up
	lanes   map[int32]*lane
	kept    int // bytes of the events that are held
	span    int // events that are held or only remembered as done
}

// lane is one partition. Items are in offset order; the first is never done.
type lane struct {
	next  int64 // position that may be committed
	read  int64 // offset after the last that was added
	items []*item
}

type itemState uint8

const (
	waiting itemState = iota // for the next pull, once due
	leased                   // until due, then it waits again
	parking                  // being written to the dead letter topic
	done
)

type item struct {
	copy       kafka.Copy
	offset     int64
	size       int
	state      itemState
	deliveries int
	due        time.Time
}

// Bounds of a window: events and bytes. A pull gets nothing new beyond them
// until the oldest is done, which its retries see to. An answer ends with the
// event that passes its bound.
const (
	maxSpan   = 10_000
	maxKept   = 16 << 20
	maxAnswer = 4 << 20
)

func newWindow(epoch string, retries int) *window {
	return &window{epoch: epoch, retries: retries, lanes: map[int32]*lane{}}
}

// add takes copies as they were read, in the order of their offsets. Those that
// it has seen are passed over.
func (w *window) add(copies []kafka.Copy) {
	for _, c := range copies {
		l := w.lanes[c.Partition]
		if l == nil {
			l = &lane{next: c.Offset, read: c.Offset}
			w.lanes[c.Partition] = l
		}
		if c.Offset < l.read {
			continue
		}
		l.items = append(l.items, &item{copy: c, offset: c.Offset, size: c.Size()})
		l.read = c.Offset + 1
		w.kept += c.Size()
		w.span++
	}
}

// room says whether more may be read.
func (w *window) room() bool { return w.span < maxSpan && w.kept < maxKept }

// taken is what a pull gets: events with leases, events whose retries are
// spent or that may not leave and that must be parked now, and whether others
// wait that it may not get.
type taken struct {
	leases    []Lease
	exhausted []*item
	barred    bool
}

// take leases up to most events, the oldest first, until now+length. One that
// does not decode, or was delivered as often as it may be, comes as exhausted.
func (w *window) take(now time.Time, most int, length time.Duration, show func(kafka.Copy) (events.Envelope, error)) (t taken) {
	size := 0
	for _, p := range w.partitions() {
		for _, it := range w.lanes[p].items {
			if len(t.leases) == most || size > maxAnswer {
				return t
			}
			if !it.available(now) {
				continue
			}
			if it.copy.Fault != nil || it.deliveries > w.retries {
				it.state = parking
				t.exhausted = append(t.exhausted, it)
				continue
			}
			e, err := show(it.copy)
			switch {
			case errors.Is(err, errBarred):
				t.barred = true
			case err != nil:
				it.state, it.copy.Fault = parking, err
				t.exhausted = append(t.exhausted, it)
			default:
				it.state, it.due = leased, now.Add(length)
				it.deliveries++
				size += it.size
				t.leases = append(t.leases, Lease{ID: leaseID{p, it.offset, it.deliveries, w.epoch}.String(), ExpiresAt: it.due,
					Deliveries: it.deliveries, Event: e, Partition: p, Offset: it.offset})
			}
		}
	}
	return t
}

func (it *item) available(now time.Time) bool {
	return (it.state == waiting || it.state == leased) && !now.Before(it.due)
}

// dueNext is when the next lease or delay ends; now says that something is
// available already.
func (w *window) dueNext(now time.Time) (due time.Time, available bool) {
	for _, l := range w.lanes {
		for _, it := range l.items {
			switch {
			case it.available(now):
				return now, true
			case (it.state == waiting || it.state == leased) && (due.IsZero() || it.due.Before(due)):
				due = it.due
			}
		}
	}
	return due, false
}

// positions is what may be committed.
func (w *window) positions() map[int32]int64 {
	out := map[int32]int64{}
	for p, l := range w.lanes {
		out[p] = l.next
	}
	return out
}

// leasedNow counts the leases that have not ended.
func (w *window) leasedNow(now time.Time) (n int) {
	for _, l := range w.lanes {
		for _, it := range l.items {
			if it.state == parking || it.state == leased && now.Before(it.due) {
				n++
			}
		}
	}
	return n
}

// drop forgets partitions that now belong to another owner.
func (w *window) drop(partitions []int32) {
	for _, p := range partitions {
		if l := w.lanes[p]; l != nil {
			for _, it := range l.items {
				w.kept -= it.size
			}
			w.span -= len(l.items)
			delete(w.lanes, p)
		}
	}
}

func (w *window) partitions() []int32 {
	ps := make([]int32, 0, len(w.lanes))
	for p := range w.lanes {
		ps = append(ps, p)
	}
	slices.Sort(ps)
	return ps
}
