package consume

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"payerflow/api/problem"
	"payerflow/connectors/kafka"
	"payerflow/tables"
)

// pulls are the queues of this worker, and who has the others. One worker owns
// the pulls of a subscription; a request that reaches another is passed on.
type pulls struct {
	copies *kafka.Copies
	worker string // this one's address
	log    warner

	mu     sync.Mutex
	queues map[string]*queue
	owners map[string]owner
	closed bool
	known  map[string]bool // workers
	asked  time.Time       // when known was read
}

type owner struct {
	address string
	at      time.Time
}

// Bounds of the pulls of a worker.
const (
	maxQueues  = 512
	ownerFor   = 2 * time.Second // how long an answer about an owner holds
	workersFor = 5 * time.Second
)

func newPulls(copies *kafka.Copies, worker string, log warner) *pulls {
	return &pulls{copies: copies, worker: worker, log: log, queues: map[string]*queue{}, owners: map[string]owner{}}
}

// find is the subscription's queue, which it begins where nobody has one; or
// the address of the worker that has it.
func (p *pulls) find(ctx context.Context, s tables.Subscription, passedOn bool) (*queue, string, error) {
	if q := p.own(s); q != nil {
		return q, "", q.ready(ctx)
	}
	if passedOn {
		return nil, "", errNotOwned
	}
	address, err := p.owner(ctx, s)
	if err != nil || address != "" {
		return nil, address, err
	}
	q, err := p.begin(s)
	if err != nil {
		return nil, "", err
	}
	return q, "", q.ready(ctx)
}

var errNotOwned = problem.New(http.StatusMisdirectedRequest, "NOT_OWNED", "another worker owns the pulls of this subscription")

// own is the queue that runs here. One that was made for another state of the
// row, or that has failed, is not.
func (p *pulls) own(s tables.Subscription) *queue {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.queues[s.ID()]
	if q == nil {
		return nil
	}
	select {
	case <-q.ended:
		delete(p.queues, s.ID())
		return nil
	default:
		q.retune(s)
		return q
	}
}

func (p *pulls) begin(s tables.Subscription) (*queue, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch q := p.queues[s.ID()]; {
	case q != nil:
		return q, nil
	case p.closed:
		return nil, later("UNAVAILABLE", "this worker stops")
	case len(p.queues) >= maxQueues:
		return nil, later("BUSY", "this worker serves as many pulled subscriptions as it may")
	}
	q := newQueue(p.copies, s, p.log)
	p.queues[s.ID()] = q
	return q, nil
}

// owner is the address of another worker that has the subscription's pulls,
// "" where nobody has.
func (p *pulls) owner(ctx context.Context, s tables.Subscription) (string, error) {
	group := groupOf(s)
	p.mu.Lock()
	o, known := p.owners[group]
	p.mu.Unlock()
	if known && time.Since(o.at) < ownerFor {
		return o.address, nil
	}
	address, err := p.copies.Owner(ctx, group, s.Topic())
	if err != nil || address == "" || address == p.worker { // our own is of an earlier life
		return "", err
	}
	workers, err := p.workers(ctx, address)
	if err != nil {
		return "", err
	}
	if !workers[address] {
		return "", problem.New(http.StatusConflict, "GROUP_TAKEN",
			"a Kafka client that is no worker is in the group "+group+"; stop it, or read the topic with a group of another name")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owners[group] = owner{address, time.Now()}
	return address, nil
}

// workers are those that are known; asked again for one that is not among them.
func (p *pulls) workers(ctx context.Context, wanted string) (map[string]bool, error) {
	p.mu.Lock()
	known, asked := p.known, p.asked
	p.mu.Unlock()
	if known[wanted] && time.Since(asked) < workersFor {
		return known, nil
	}
	known, err := p.copies.Workers(ctx)
	if err != nil && !errors.Is(err, kafka.ErrNoTopic) {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.asked = known, time.Now()
	return known, nil
}

// forget drops what is known of an owner that did not answer as one.
func (p *pulls) forget(s tables.Subscription) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.owners, groupOf(s))
}

// sweep ends the queues that nobody uses, and those whose subscription is not
// active any more.
func (p *pulls) sweep(idle time.Duration, active func(id string) bool) {
	now := time.Now()
	p.mu.Lock()
	var over []*queue
	for id, q := range p.queues {
		if q.idle(now, idle) || !active(id) {
			over = append(over, q)
			delete(p.queues, id)
		}
	}
	p.mu.Unlock()
	for _, q := range over {
		q.close()
	}
}

// close ends all queues: other workers may have them at once.
func (p *pulls) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.sweep(0, func(string) bool { return false })
}
