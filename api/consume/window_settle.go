package consume

import (
	"slices"
	"time"

	"payerflow/connectors/kafka"
)

// ack marks leased events as done and returns the ids that are gone: an event
// of theirs was delivered again, or was given up, or has another owner. The
// lease of an event that was not delivered again counts although it ended.
func (w *window) ack(ids []string) (acked int, gone []string) {
	return w.settle(ids, func(it *item) { it.state = done })
}

// nack gives leased events back, to be delivered again after delay.
func (w *window) nack(now time.Time, ids []string, delay time.Duration) (nacked int, gone []string) {
	return w.settle(ids, func(it *item) { it.state, it.due = waiting, now.Add(delay) })
}

// untake gives back what was leased and never left.
func (w *window) untake(ids []string) {
	w.settle(ids, func(it *item) {
		it.state, it.due = waiting, time.Time{}
		it.deliveries--
	})
}

func (w *window) settle(ids []string, how func(*item)) (settled int, gone []string) {
	gone = []string{}
	for _, text := range ids {
		id, err := parseLease(text)
		if it := w.find(id); err == nil && it != nil && it.state == leased && it.deliveries == id.delivery {
			how(it)
			settled++
			continue
		}
		gone = append(gone, text)
	}
	w.trim()
	return settled, gone
}

func (w *window) find(id leaseID) *item {
	l := w.lanes[id.partition]
	if id.epoch != w.epoch || l == nil {
		return nil
	}
	if i, ok := l.index(id.offset); ok {
		return l.items[i]
	}
	return nil
}

func (l *lane) index(offset int64) (int, bool) {
	return slices.BinarySearchFunc(l.items, offset, func(it *item, o int64) int { return int(it.offset - o) })
}

// ackUpTo marks as done, in each partition that to names, what lies before the
// position and has a lease. It stops at the first event that has none, so that
// nothing is passed over that was not delivered.
func (w *window) ackUpTo(to map[int32]int64) (acked int) {
	for p, end := range to {
		l := w.lanes[p]
		if l == nil {
			continue
		}
		for _, it := range l.items {
			if it.offset >= end || it.state == waiting || it.state == parking {
				break
			}
			if it.state == leased {
				it.state = done
				acked++
			}
		}
	}
	w.trim()
	return acked
}

// parked says what became of an exhausted event: it lies in the dead letter
// topic, or it could not be written there and is tried again.
func (w *window) parked(it *item, ok bool, again time.Time) {
	it.state, it.due = done, again
	if !ok {
		it.state = waiting
	}
	w.trim()
}

// trim forgets the done events that nothing undone precedes, and the bodies of
// the others that are done.
func (w *window) trim() {
	for _, l := range w.lanes {
		for _, it := range l.items {
			if it.state == done && it.size > 0 {
				w.kept -= it.size
				it.size, it.copy = 0, kafka.Copy{}
			}
		}
		n := 0
		for n < len(l.items) && l.items[n].state == done {
			l.next = l.items[n].offset + 1
			n++
		}
		w.span -= n
		l.items = slices.Delete(l.items, 0, n)
	}
}
