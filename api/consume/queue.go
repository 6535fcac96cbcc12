package consume

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"sync"
	"time"

	"payerflow/api/problem"
	"payerflow/connectors/kafka"
	"payerflow/events"
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

// ask is one pull.
type ask struct {
	most   int
	wait   time.Duration
	length time.Duration
}

// pull leases events, and waits for the first as long as it is asked to. It
// ends early where the grant does.
func (q *queue) pull(ctx context.Context, g *grant, a ask) ([]Lease, error) {
	if err := q.enter(); err != nil {
		return nil, err
	}
	defer q.leave()
	until := time.NewTimer(a.wait)
	defer until.Stop()
	for {
		rulesChanged := g.rules.Changed()
		r, p := g.now()
		if p != nil {
			return nil, p
		}
		q.mu.Lock()
		if q.err != nil {
			defer q.mu.Unlock()
			return nil, q.err
		}
		now := time.Now()
		t := q.window.take(now, a.most, a.length, func(c kafka.Copy) (events.Envelope, error) { return g.show(r, c) })
		due, _ := q.window.dueNext(now)
		changed := q.changed
		q.mu.Unlock()
		q.park(ctx, t.exhausted)
		switch {
		case len(t.leases) > 0:
			return t.leases, nil
		case t.barred:
			return nil, problem.New(http.StatusForbidden, "TYPE_FORBIDDEN", "events of a type wait that the token may not get; pull with a token whose scope has the type")
		case len(t.exhausted) > 0:
			continue
		}
		q.poke()
		select {
		case <-changed:
		case <-rulesChanged:
		case <-after(due):
		case <-time.After(guardEvery): // the rules may have grown old
		case <-until.C:
			return []Lease{}, nil
		case <-ctx.Done():
			if p := ended(ctx); p != nil {
				return nil, p
			}
			return []Lease{}, nil
		}
	}
}

// guardEvery is how often an open request asks whether it still may.
const guardEvery = 500 * time.Millisecond

// after is a channel that has a value from a time on; zero: never.
func after(t time.Time) <-chan time.Time {
	if t.IsZero() {
		return nil
	}
	return time.After(max(0, time.Until(t)))
}

func (q *queue) enter() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiters >= maxWaiters {
		p := problem.New(http.StatusTooManyRequests, "TOO_MANY_PULLS", "too many pulls of this subscription are open")
		p.RetryAfter = 1
		return p
	}
	q.waiters++
	return nil
}

func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiters--
	q.used = time.Now()
}

func (q *queue) poke() {
	select {
	case q.demand <- struct{}{}:
	default:
	}
}

// park writes what nobody took to the dead letter topic, and moves on. It is
// done also where the puller has gone meanwhile.
func (q *queue) park(ctx context.Context, exhausted []*item) {
	ctx = context.WithoutCancel(ctx)
	for _, it := range exhausted {
		err := q.copies.Park(ctx, q.sub, q.group, it.copy, max(0, it.deliveries-1))
		if err != nil {
			q.log("event not parked", "topic", q.sub.Topic(), "partition", it.copy.Partition, "offset", it.offset, "error", err)
		}
		q.mu.Lock()
		q.window.parked(it, err == nil, time.Now().Add(parkPause))
		q.mu.Unlock()
	}
	if len(exhausted) > 0 {
		if err := q.commit(ctx); err != nil {
			q.log("position not committed", "group", q.group, "error", err)
		}
	}
}

// settle changes the window and commits what follows from that.
func (q *queue) settle(ctx context.Context, change func(*window)) error {
	q.mu.Lock()
	if q.err != nil {
		defer q.mu.Unlock()
		return q.err
	}
	change(q.window)
	q.used = time.Now()
	q.signal()
	q.mu.Unlock()
	return q.commit(ctx)
}

// commit writes the positions before which everything is done, where they are
// ahead of what was written.
func (q *queue) commit(ctx context.Context) error {
	q.committing.Lock()
	defer q.committing.Unlock()
	q.mu.Lock()
	positions, err := q.window.positions(), q.err
	q.mu.Unlock()
	maps.DeleteFunc(positions, func(p int32, at int64) bool {
		before, ok := q.committed[p]
		return ok && at <= before
	})
	if err != nil || len(positions) == 0 {
		return err
	}
	if err := q.member.Commit(ctx, positions); err != nil {
		if errors.Is(err, kafka.ErrFenced) {
			q.end(err)
		}
		return err
	}
	maps.Copy(q.committed, positions)
	return nil
}

// seek writes a position of the caller's choice and ends the queue: leases are
// gone, and the next pull begins there.
func (q *queue) seek(ctx context.Context, to map[int32]int64) error {
	q.committing.Lock()
	defer q.committing.Unlock()
	q.mu.Lock()
	err := q.err
	q.window.drop(q.window.partitions())
	q.mu.Unlock()
	if err != nil {
		return err
	}
	err = q.member.Commit(ctx, to)
	q.end(errSought)
	return err
}

var errSought = later("OWNER_MOVES", "the position of the subscription was moved; pull again")

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
