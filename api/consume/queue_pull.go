package consume

import (
	"context"
	"net/http"
	"time"

	"payerflow/api/problem"
	"payerflow/connectors/kafka"
	"payerflow/events"
)

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
