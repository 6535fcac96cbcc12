package kafka

import (
	"math"
	"sync"
	"time"
)

// logEnd knows when the tail last held everything that the log had.
type logEnd struct {
	mu       sync.Mutex
	position int64    // next offset of the tail
	open     question // answered with an end ahead of position, which is not reached yet
	ahead    int64    // that end; at or below position: none
	at       time.Time
}

// question is when the log was asked for its end, and where the tail was then.
type question struct {
	at   time.Time
	from int64
}

func (e *logEnd) ask(now time.Time) question {
	e.mu.Lock()
	defer e.mu.Unlock()
	return question{now, e.position}
}

// seen notes the answer. One that lies behind where the tail was says that the
// log is not what was read: it makes nothing fresh.
func (e *logEnd) seen(q question, end int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case end < q.from:
	case end <= e.position:
		e.at = q.at
	case e.ahead <= e.position: // of several ends ahead the first is kept: it is reached first
		e.open, e.ahead = q, end
	}
}

// reached notes how far the tail is.
func (e *logEnd) reached(position int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ahead > e.position && e.ahead <= position && e.open.at.After(e.at) {
		e.at = e.open.at
	}
	e.position = position
}

// age is how long ago the tail is known to have held all there was; the
// longest time where it never did.
func (e *logEnd) age(now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.at.IsZero() {
		return math.MaxInt64
	}
	return now.Sub(e.at)
}
