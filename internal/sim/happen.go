package sim

import "time"

// happening is one thing that may happen to the world, and how often among
// others. A log start that moves, and records that come again with the
// coordinates that they first had, belong here too.
type happening struct {
	weight int
	do     func(s *Sim, w *worker)
}

var happenings = []happening{
	{30, func(s *Sim, _ *worker) {
		for range 1 + s.r.IntN(4) {
			s.arrive()
		}
	}},
	{3, func(s *Sim, w *worker) { // it dies between two steps
		if w.up {
			s.trace(w.name, "is killed")
			w.crash(s.chance(4))
		}
	}},
	{4, func(s *Sim, w *worker) { // it dies at a request soon
		if w.up {
			w.fuse = 1 + s.r.IntN(30)
		}
	}},
	{12, func(s *Sim, w *worker) {
		if !w.up {
			s.trace(w.name, "starts")
			w.start()
		}
	}},
	{2, func(s *Sim, w *worker) {
		if w.up && !w.ends {
			s.trace(w.name, "is told to end")
			w.ends = true
		}
	}},
	{3, func(s *Sim, w *worker) { // a zombie, if the groups go on without it
		if w.up {
			s.trace(w.name, "is stopped")
			w.still = true
		}
	}},
	{8, func(s *Sim, w *worker) {
		if w.still {
			s.trace(w.name, "goes on")
			w.still = false
		}
	}},
	{6, func(s *Sim, w *worker) { // whoever is away is taken for dead, and at times whoever is not
		if away := !w.up || w.still; away || s.chance(5) {
			s.trace(w.name, "is taken for dead")
			for _, name := range sortedKeys(s.broker.groups) {
				s.broker.groups[name].leave(w.name)
			}
		}
	}},
	{3, func(s *Sim, w *worker) {
		w.skew = time.Duration(s.r.IntN(240)-120) * time.Second
		s.trace(w.name, "has a clock that jumps")
	}},
	{2, func(s *Sim, w *worker) { w.sync() }},
	{1, func(s *Sim, w *worker) { // its data directory is lost
		if !w.up {
			clear(w.stores)
			clear(w.synced)
		}
	}},
	{3, func(s *Sim, _ *worker) {
		s.now = s.now.Add(time.Duration(s.r.IntN(15)) * time.Second)
		s.broker.now = s.now
		s.broker.expire()
	}},
	{2, func(s *Sim, _ *worker) { s.expireInputs() }},
}

var weights = func() (n int) {
	for _, h := range happenings {
		n += h.weight
	}
	return n
}()

func (s *Sim) happen() {
	n := s.r.IntN(weights)
	for _, h := range happenings {
		if n -= h.weight; n < 0 {
			h.do(s, s.workers[s.r.IntN(len(s.workers))])
			return
		}
	}
}

// expireInputs moves the start of an input's log to where all groups have read.
func (s *Sim) expireInputs() {
	names := sortedKeys(s.broker.groups)
	g := s.broker.groups[names[s.r.IntN(len(names))]]
	topic := g.topics[s.r.IntN(len(g.topics))]
	partition := int32(s.r.IntN(g.partitions))
	to := int64(1 << 62)
	for _, name := range names {
		other := s.broker.groups[name]
		for _, t := range other.topics {
			if t == topic {
				to = min(to, other.committed[place{topic, partition}])
			}
		}
	}
	l := s.broker.log(topic, partition)
	l.start = max(l.start, to)
}
