package consume

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"payerflow/connectors/kafka"
	"payerflow/tables"
)

// queue is one subscription's pulls at the worker that owns them: a member of
// the pull group, and the window of what it read. Leases are in memory alone:
// when the owner goes, what was not committed is delivered again by the next.
type queue struct {
	sub    tables.Subscription
	group  string
	copies *kafka.Copies
	log    warner
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{} // closed when the group was left
	demand chan struct{} // somebody waits for events

	committing sync.Mutex // one at a time, so that positions never go back
	committed  map[int32]int64

	mu      sync.Mutex
	member  *kafka.Member
	window  *window
	owned   bool // has the first partition
	err     error
	waiters int
	used    time.Time
	changed chan struct{} // closed at the next change of the above
}

// Bounds of a queue.
const (
	defaultRetries = 3
	pollRecords    = 500
	pollSlice      = 500 * time.Millisecond // a poll holds a rebalance up for as long, at most
	ownTimeout     = 8 * time.Second        // how long a new member may take to get the partitions
	maxWaiters     = 256
	parkPause      = time.Second // before an event that could not be parked is tried again
)

// warner logs what has neither key nor body.
type warner func(msg string, attrs ...any)

func groupOf(s tables.Subscription) string { return s.Team + "." + s.Name + "-pull" }

func retriesOf(s tables.Subscription) int {
	if s.Retries == 0 {
		return defaultRetries
	}
	return s.Retries
}

func newQueue(copies *kafka.Copies, s tables.Subscription, log warner) *queue {
	var epoch [6]byte
	_, _ = rand.Read(epoch[:]) // it never fails
	q := &queue{sub: s, group: groupOf(s), copies: copies, log: log, ended: make(chan struct{}), demand: make(chan struct{}, 1),
		committed: map[int32]int64{}, window: newWindow(hex.EncodeToString(epoch[:]), retriesOf(s)), used: time.Now(), changed: make(chan struct{})}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	go q.run()
	return q
}

// run joins, reads when somebody waits, and leaves when the queue ends.
func (q *queue) run() {
	defer close(q.ended)
	m, err := q.copies.Join(q.ctx, q.sub.Topic(), q.group, kafka.Ownership{Gained: q.gained, Lost: q.lost})
	if err != nil {
		q.end(err)
		return
	}
	defer m.Close()
	q.mu.Lock()
	q.member = m
	q.signal()
	q.mu.Unlock()
	for {
		select {
		case <-q.ctx.Done():
			return
		case <-q.demand:
		}
		for q.wants() {
			ctx, cancel := context.WithTimeout(q.ctx, pollSlice)
			err := m.Poll(ctx, pollRecords, q.add)
			cancel()
			if err != nil {
				q.end(err)
				return
			}
		}
	}
}

// end gives the queue up: those who wait are told why, and the next pull
// begins again at the committed position.
func (q *queue) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.cancel()
	q.signal()
}

func (q *queue) gained(partitions []int32) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range partitions {
		q.owned = q.owned || p == 0
	}
	q.signal()
}

// lost drops what was leased: the next owner delivers it again.
func (q *queue) lost(partitions []int32) {
	q.mu.Lock()
	q.window.drop(partitions)
	q.mu.Unlock()
	q.end(kafka.ErrFenced)
}

func (q *queue) add(copies []kafka.Copy) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil && len(copies) > 0 {
		q.window.add(copies)
		q.signal()
	}
}

// signal wakes all who wait. The caller holds mu.
func (q *queue) signal() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *queue) wants() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, available := q.window.dueNext(time.Now())
	return q.err == nil && q.waiters > 0 && !available && q.window.room() && q.ctx.Err() == nil
}

// ready waits until the queue has the partitions.
func (q *queue) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ownTimeout)
	defer cancel()
	for {
		q.mu.Lock()
		changed, owned, err := q.changed, q.owned && q.member != nil, q.err
		q.used = time.Now()
		q.mu.Unlock()
		if err != nil || owned {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			q.end(kafka.ErrFenced) // somebody else has them
			return kafka.ErrFenced
		}
	}
}

// idle says whether nobody has used the queue for a while, and nobody has a lease.
func (q *queue) idle(now time.Time, after time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err != nil || q.waiters == 0 && now.Sub(q.used) > after && q.window.leasedNow(now) == 0
}

// close leaves the group and waits for that.
func (q *queue) close() {
	q.end(kafka.ErrFenced)
	<-q.ended
}

// retune takes what the row says now of retries.
func (q *queue) retune(s tables.Subscription) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.window.retries = retriesOf(s)
}
