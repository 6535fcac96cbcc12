package consume

import "sync"

// places are the streams of a worker: so many in all, and so many of one team,
// so that no team takes all of them.
type places struct {
	all, each int // each 0: all

	mu     sync.Mutex
	taken  int
	byTeam map[string]int
}

// take takes a place, if there is one for the team.
func (p *places) take(team string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.all || p.each > 0 && p.byTeam[team] >= p.each {
		return false
	}
	if p.byTeam == nil {
		p.byTeam = map[string]int{}
	}
	p.taken++
	p.byTeam[team]++
	return true
}

// leave gives a place back.
func (p *places) leave(team string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.byTeam[team]--; p.byTeam[team] == 0 {
		delete(p.byTeam, team)
	}
}
