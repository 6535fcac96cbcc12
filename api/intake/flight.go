package intake

import "golang.org/x/sync/semaphore"

// flight bounds what doors hold in memory: requests, and bytes of them. What
// does not fit is refused at once; nothing waits in a queue.
type flight struct {
	requests, bytes *semaphore.Weighted
}

func newFlight(requests int, bytes int64) *flight {
	return &flight{semaphore.NewWeighted(int64(requests)), semaphore.NewWeighted(bytes)}
}

// enter reserves room for one request of up to n bytes; nil where there is
// none.
func (f *flight) enter(n int64) *stay {
	if !f.requests.TryAcquire(1) {
		return nil
	}
	if !f.bytes.TryAcquire(n) {
		f.requests.Release(1)
		return nil
	}
	return &stay{f, n}
}

// stay is the room of one request.
type stay struct {
	flight *flight
	bytes  int64
}

// keep gives back what the request turned out not to need.
func (s *stay) keep(n int64) {
	if n < s.bytes {
		s.flight.bytes.Release(s.bytes - n)
		s.bytes = n
	}
}

func (s *stay) leave() {
	s.flight.bytes.Release(s.bytes)
	s.flight.requests.Release(1)
}
