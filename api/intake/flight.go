package intake

import (
	"io"

	"golang.org/x/sync/semaphore"
)

// flight bounds what doors hold in memory: requests, and bytes of them. What
// does not fit is refused at once; nothing waits in a queue.
type flight struct {
	requests, bytes *semaphore.Weighted
}

func newFlight(requests int, bytes int64) *flight {
	return &flight{semaphore.NewWeighted(int64(requests)), semaphore.NewWeighted(bytes)}
}

// enter lets one request in; nil where there is no room.
func (f *flight) enter() *stay {
	if !f.requests.TryAcquire(1) {
		return nil
	}
	return &stay{flight: f}
}

// stay is one request in flight. It is for one goroutine.
type stay struct {
	flight *flight
	held   int64
}

// hold makes sure of room for n bytes in all.
func (s *stay) hold(n int64) bool {
	if n <= s.held {
		return true
	}
	if !s.flight.bytes.TryAcquire(n - s.held) {
		return false
	}
	s.held = n
	return true
}

func (s *stay) leave() {
	s.flight.bytes.Release(s.held)
	s.flight.requests.Release(1)
}

// meter reads as long as there is room for what was read. Room is taken in
// steps, before bytes arrive, so that a slow sender holds what it has sent and
// little more.
type meter struct {
	io.Reader
	stay *stay
	read int64
	full error // what a reader is told when there is no room
}

const meterStep = 4 << 10

func (m *meter) Read(p []byte) (int, error) {
	if !m.stay.hold((m.read/meterStep + 1) * meterStep) {
		return 0, m.full
	}
	n, err := m.Reader.Read(p[:min(len(p), meterStep)])
	m.read += int64(n)
	if n > 0 && !m.stay.hold(m.read) {
		return 0, m.full
	}
	return n, err
}
