package peers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"payerflow/internal/topology"
)

const (
	// maxCalls is how many calls with questions of several readers a worker has to
	// answer at a time; questions that come meanwhile wait, and go together.
	maxCalls = 2
	// maxTogether bounds what goes in one: with rows as large as may be, the
	// answer stays below maxAnswer.
	maxTogether = maxAnswer / (5 << 20)
)

// line is what stands in line for a worker: questions for one row each. Alone
// they are sent at once; when many ask, a call costs them as much as one.
type line struct {
	mu      sync.Mutex
	calls   int
	waiting []asking
}

type asking struct {
	q      topology.Question
	answer chan replied // takes one
}

// askOne asks for a row, with what others ask the same worker for.
func (c *client) askOne(ctx context.Context, to topology.Holder, q topology.Question, patience time.Duration) replied {
	c.mu.Lock()
	l := c.lines[to]
	if l == nil {
		l = &line{}
		c.lines[to] = l
	}
	c.mu.Unlock()
	a := asking{q, make(chan replied, 1)}
	l.mu.Lock()
	l.waiting = append(l.waiting, a)
	if l.calls < maxCalls {
		l.calls++
		go c.serve(l, to, patience)
	}
	l.mu.Unlock()
	select {
	case r := <-a.answer:
		return r
	case <-ctx.Done():
		if !errors.Is(context.Cause(ctx), context.Canceled) {
			c.shun(to.Instance)
		}
		return replied{err: fmt.Errorf("%w: worker %s: %w", topology.ErrUnavailable, to.Instance, ctx.Err())}
	}
}

// serve makes calls until nothing waits. They depend on no reader's patience.
func (c *client) serve(l *line, to topology.Holder, patience time.Duration) {
	for {
		l.mu.Lock()
		n := min(len(l.waiting), maxTogether)
		of := l.waiting[:n:n]
		if l.waiting = l.waiting[n:]; n == 0 {
			l.calls, l.waiting = l.calls-1, nil
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		qs := make([]topology.Question, n)
		for i, a := range of {
			qs[i] = a.q
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		for i, r := range c.ask(ctx, to, qs) {
			of[i].answer <- r
		}
		cancel()
	}
}
