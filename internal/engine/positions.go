package engine

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"payerflow/internal/topology"
)

// positions say how far a processor has folded its inputs, and up to when each
// is known to be folded.
type positions struct {
	mu       sync.RWMutex
	running  bool      // the session's tables are restored
	began    time.Time // since when they are
	next     map[topicPartition]int64
	caughtUp map[topicPartition]time.Time
	ends     map[topicPartition]end   // not yet reached
	lags     map[topicPartition]int64 // when last compared
	waiting  chan struct{}            // closed when positions move, nil where nobody waits
}

// end is where an input ended at a time. Under load a position is never at the
// end of the moment, and yet never far behind.
type end struct {
	offset int64
	at     time.Time
}

func newPositions() *positions {
	return &positions{next: map[topicPartition]int64{}, caughtUp: map[topicPartition]time.Time{}, ends: map[topicPartition]end{}, lags: map[topicPartition]int64{}}
}

func (p *positions) set(at topicPartition, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next[at] = next
	p.wake()
}

// wake tells those who wait. mu is held.
func (p *positions) wake() {
	if p.waiting != nil {
		close(p.waiting)
		p.waiting = nil
	}
}

// moves is closed when positions move.
func (p *positions) moves() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		p.waiting = make(chan struct{})
	}
	return p.waiting
}

func (p *positions) reset(running bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running, p.began = running, time.Now()
	p.wake()
	if !running {
		clear(p.next)
		clear(p.caughtUp)
		clear(p.ends)
		clear(p.lags)
	}
}

// compare notes which inputs have reached an end that they once had, and
// returns the lag of each.
func (p *positions) compare(ends map[topicPartition]int64, now time.Time) map[topicPartition]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, offset := range ends {
		next := p.next[at]
		if was, waits := p.ends[at]; waits && next >= was.offset {
			p.caughtUp[at] = was.at
			delete(p.ends, at)
		}
		if next >= offset {
			p.caughtUp[at] = now
		} else if _, waits := p.ends[at]; !waits {
			p.ends[at] = end{offset, now}
		}
		p.lags[at] = max(0, offset-next)
	}
	return maps.Clone(p.lags)
}

// since returns how long ago every one of the inputs was last at its end;
// ok is false where one never was, or where the tables are not restored.
func (p *positions) since(now time.Time, inputs []topicPartition) (age time.Duration, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, at := range inputs {
		t, seen := p.caughtUp[at]
		if !seen {
			return 0, false
		}
		age = max(age, now.Sub(t))
	}
	return age, p.running
}

// sinceAll is since of all inputs of the session in progress.
func (p *positions) sinceAll(now time.Time) (age time.Duration, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for at := range p.next {
		t, seen := p.caughtUp[at]
		if !seen {
			return 0, false
		}
		age = max(age, now.Sub(t))
	}
	return age, p.running
}

// lag is how many records lie between positions and the ends of inputs when
// last compared, -1 where one was not.
func (p *positions) lag(inputs []topicPartition) (all int64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, at := range inputs {
		n, compared := p.lags[at]
		if !compared {
			return -1
		}
		all += n
	}
	return all
}

// assigned lists the inputs of the session in progress.
func (p *positions) assigned() (out []topicPartition, running bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for at := range p.next {
		out = append(out, at)
	}
	return out, p.running
}

// inputs lists the inputs of the session in progress, in order.
func (p *positions) inputs() (out []topology.InputStatus) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for at, next := range p.next {
		lag, compared := p.lags[at]
		if !compared {
			lag = -1
		}
		out = append(out, topology.InputStatus{Topic: at.topic, Partition: at.partition, Offset: next, Lag: lag})
	}
	slices.SortFunc(out, func(a, b topology.InputStatus) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return out
}

// behind is how long ago an input was last at its end, or since when it is
// read and never was; 0 where it is there. ok is false where that was never
// looked at.
func (p *positions) behind(at topicPartition, now time.Time) (age time.Duration, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	lag, compared := p.lags[at]
	since := p.began
	if t, seen := p.caughtUp[at]; seen {
		since = t
	}
	if lag == 0 {
		return 0, compared
	}
	return now.Sub(since), compared
}

func (p *positions) get(at topicPartition) int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.next[at]
}
