package intake

import (
	"context"
	"io"
	"sync"

	"payerflow/api/access"
)

// flight bounds what doors hold in memory: requests, and bytes of them, and of
// both half for one team, so that no team shuts out all others. What does not
// fit is refused at once; nothing waits in a queue.
type flight struct {
	most load

	mu     sync.Mutex
	all    load
	byTeam map[string]load
}

// load is what is held.
type load struct{ requests, bytes int64 }

func (l load) plus(o load) load { return load{l.requests + o.requests, l.bytes + o.bytes} }

func newFlight(requests int, bytes int64) *flight {
	return &flight{most: load{int64(requests), bytes}, byTeam: map[string]load{}}
}

// take makes room for more of a team, if there is room.
func (f *flight) take(team string, more load) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, own := f.all.plus(more), f.byTeam[team].plus(more)
	if all.requests > f.most.requests || all.bytes > f.most.bytes || own.requests > (f.most.requests+1)/2 || own.bytes > (f.most.bytes+1)/2 {
		return false
	}
	f.all, f.byTeam[team] = all, own
	return true
}

// enter lets one request of a team in; nil where there is no room.
func (f *flight) enter(ctx context.Context) *stay {
	p, _ := access.From(ctx)
	if !f.take(p.Team, load{requests: 1}) {
		return nil
	}
	return &stay{flight: f, team: p.Team}
}

// stay is one request in flight. It is for one goroutine.
type stay struct {
	flight *flight
	team   string
	held   int64
}

// hold makes sure of room for n bytes in all.
func (s *stay) hold(n int64) bool {
	if n <= s.held {
		return true
	}
	if !s.flight.take(s.team, load{bytes: n - s.held}) {
		return false
	}
	s.held = n
	return true
}

func (s *stay) leave() {
	f, less := s.flight, load{-1, -s.held}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = f.all.plus(less)
	if own := f.byTeam[s.team].plus(less); own != (load{}) {
		f.byTeam[s.team] = own
	} else {
		delete(f.byTeam, s.team)
	}
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
