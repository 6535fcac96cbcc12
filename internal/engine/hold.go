package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// holds are the input partitions of a session whose record cannot be folded
// for now, because something outside is away. The transaction that met it is
// taken back; the partition is not read for a while, and the others go on.
type holds struct {
	mu    sync.Mutex
	again atomic.Bool // the open transaction is to be taken back
	waits map[topicPartition]*backoff.ExponentialBackOff
}

const (
	firstHold = 200 * time.Millisecond
	lastHold  = 10 * time.Second
)

// hold pauses an input partition and condemns the open transaction.
func (s *session) hold(at topicPartition, err error) {
	h := &s.holds
	h.mu.Lock()
	defer h.mu.Unlock()
	wait := h.waits[at]
	if wait == nil {
		wait = &backoff.ExponentialBackOff{InitialInterval: firstHold, MaxInterval: lastHold, Multiplier: 2, RandomizationFactor: 0.3}
		wait.Reset()
		if h.waits == nil {
			h.waits = map[topicPartition]*backoff.ExponentialBackOff{}
		}
		h.waits[at] = wait
	}
	h.again.Store(true)
	pause := wait.NextBackOff()
	one := map[string][]int32{at.topic: {at.partition}}
	s.rt.client.PauseFetchPartitions(one)
	time.AfterFunc(pause, func() { s.rt.client.ResumeFetchPartitions(one) })
	s.rt.p.g.e.metrics.holds.WithLabelValues(s.rt.p.name, at.topic).Inc()
	s.rt.p.log.Warn("an input partition waits for something outside", "group", s.rt.p.name, "topic", at.topic, "partition", at.partition,
		"error", err, "for", pause.Round(time.Millisecond))
}

// holdRows holds all inputs of a table partition whose rows cannot be written.
func (s *session) holdRows(partition int32, err error) {
	for at := range s.claims {
		if at.partition == partition {
			s.hold(at, err)
		}
	}
}

// held says whether the open transaction is condemned; it need not be folded on.
func (s *session) held() bool { return s.holds.again.Load() }

// release forgets, when a transaction has ended, that it was condemned; with
// one that committed, also how long its partitions have waited.
func (s *session) release(next map[topicPartition]int64, committed bool) {
	s.holds.mu.Lock()
	defer s.holds.mu.Unlock()
	s.holds.again.Store(false)
	if committed {
		for at := range next {
			delete(s.holds.waits, at)
		}
	}
}
