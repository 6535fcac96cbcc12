package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// holds are the input partitions of a session whose record cannot be folded
// for now, because something outside is away. The transaction that met it is
// taken back; the partition is not read for a while, nor are rows of its table
// partition woken, and the others go on.
type holds struct {
	mu    sync.Mutex
	again atomic.Bool                                    // the open transaction is to be taken back
	waits map[topicPartition]*backoff.ExponentialBackOff // of all inputs together: under the zero topicPartition
	ticks map[int32]time.Time                            // until when the rows of a partition are not woken
	all   time.Time                                      // until when no row is
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
	pause := s.pause(at, map[string][]int32{at.topic: {at.partition}})
	if until := time.Now().Add(pause); until.After(h.ticks[at.partition]) {
		h.ticks[at.partition] = until
	}
	s.rt.p.log.Warn("an input partition waits for something outside", "group", s.rt.p.name, "topic", at.topic, "partition", at.partition,
		"error", err, "for", pause.Round(time.Millisecond))
}

// holdAll pauses all inputs and all ticks, and condemns the open transaction:
// what is away is needed by every record.
func (s *session) holdAll(err error) {
	h := &s.holds
	h.mu.Lock()
	defer h.mu.Unlock()
	pause := s.pause(topicPartition{}, s.assigned)
	h.all = time.Now().Add(pause)
	s.rt.p.log.Warn("all inputs wait for something outside", "group", s.rt.p.name, "error", err, "for", pause.Round(time.Millisecond))
}

// pause stops the reading of inputs for longer each time, until a transaction
// with them commits. The holds are locked.
func (s *session) pause(of topicPartition, inputs map[string][]int32) time.Duration {
	h := &s.holds
	wait := h.waits[of]
	if wait == nil {
		wait = &backoff.ExponentialBackOff{InitialInterval: firstHold, MaxInterval: lastHold, Multiplier: 2, RandomizationFactor: 0.3}
		wait.Reset()
		h.waits[of] = wait
	}
	h.again.Store(true)
	pause := wait.NextBackOff()
	s.rt.client.PauseFetchPartitions(inputs)
	time.AfterFunc(pause, func() { s.rt.client.ResumeFetchPartitions(inputs) })
	for topic := range inputs {
		s.rt.p.g.e.metrics.holds.WithLabelValues(s.rt.p.name, topic).Inc()
	}
	return pause
}

// holdRows holds all inputs of a table partition whose rows cannot be written.
func (s *session) holdRows(partition int32, err error) {
	for at := range s.claims {
		if at.partition == partition {
			s.hold(at, err)
		}
	}
}

// ticksFrom is when rows of a partition may be woken, for all that is held.
func (h *holds) ticksFrom(partition int32) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.ticks[partition]; at.After(h.all) {
		return at
	}
	return h.all
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
		delete(s.holds.waits, topicPartition{})
		for at := range next {
			delete(s.holds.waits, at)
		}
	}
}
