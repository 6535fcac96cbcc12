package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"payerflow/internal/batching"
	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

// Sim is one run. All that it does follows from its seed.
type Sim struct {
	seed    uint64
	r       *rand.Rand
	world   *world
	broker  *broker
	workers []*worker
	now     time.Time // goes on by itself; clocks of workers are askew to it
	chaos   bool      // while it lasts, all may fail
	steps   int
	coming  []topology.Raw // inputs that are still to come
	acts    []effect       // what happened outside, in order
	log     func(line string)
}

// effect is one that was performed outside.
type effect struct {
	group, key string
	of         topology.Pending
}

// rates are how often something fails while there is chaos: once in so many.
var rates = struct{ refused, lost, registry, store, pins, outside, late, happen int }{
	refused: 400, lost: 500, registry: 150, store: 150, pins: 20, outside: 4, late: 10, happen: 12,
}

const (
	// healSteps is in how many steps a world in which nothing fails catches up.
	healSteps = 60_000
	stepTakes = 20 // milliseconds at most
)

var epoch = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)

// Run is a run of one seed. The error says what promise was not kept. log, if
// not nil, is told each action; neither holds a key or a body.
func Run(seed uint64, log func(line string)) (err error) {
	s := &Sim{seed: seed, r: rand.New(rand.NewPCG(seed, 0x5eed)), broker: newBroker(), now: epoch, log: log} //nolint:gosec // repeatable is what it must be
	s.world = worldOf(seed, s.r)
	s.prepare()
	s.chaos = true
	for range s.world.steps {
		s.step()
		if s.oneIn(rates.happen) {
			s.happen()
		}
	}
	if err := s.heal(); err != nil {
		return err
	}
	return s.check()
}

func (s *Sim) prepare() {
	for _, t := range s.world.topics {
		s.broker.create(t)
	}
	for _, g := range s.world.groups {
		for _, t := range g.Topics() {
			s.broker.create(t)
		}
		for _, in := range g.Inputs {
			s.broker.create(in.Topic)
			s.broker.create(in.Topic.DLQ())
		}
		for _, o := range g.Emits() {
			s.broker.create(o.Topic)
		}
		if g.View.Topic.Name != "" {
			s.broker.create(g.View.Topic)
		}
	}
	s.coming = s.world.inputs
	for i := range 1 + s.r.IntN(3) {
		w := &worker{s: s, name: fmt.Sprintf("w%d", i+1), stores: map[string]*rowlog.Memory{}, synced: map[string]*rowlog.Memory{}}
		s.workers = append(s.workers, w)
		w.start()
	}
}

// step lets time pass, and one worker do one thing.
func (s *Sim) step() {
	s.steps++
	s.now = s.now.Add(time.Duration(s.r.IntN(stepTakes)) * time.Millisecond)
	s.broker.now = s.now
	if w := s.workers[s.r.IntN(len(s.workers))]; w.up && !w.still {
		w.step()
	}
}

// heal ends all that goes wrong, and waits until everything has caught up.
func (s *Sim) heal() error {
	s.chaos = false
	s.trace("everything", "heals")
	for len(s.coming) > 0 {
		s.arrive()
	}
	for _, w := range s.workers {
		if !w.up || w.ends {
			w.start()
		}
		w.still, w.fuse, w.skew = false, 0, 0
	}
	s.now = s.now.Add(transactionTimeout)
	if s.now.Before(s.world.until) {
		s.now = s.world.until
	}
	for n := range healSteps {
		s.step()
		if n%50 == 0 {
			s.broker.expire()
			if s.quiet() {
				return nil
			}
		}
	}
	return errors.New("it did not catch up: " + s.behind())
}

// quiet says whether nothing is left to do.
func (s *Sim) quiet() bool { return s.behind() == "" }

// behind names what is left to do.
func (s *Sim) behind() string {
	for _, name := range sortedKeys(s.broker.groups) {
		g := s.broker.groups[name]
		if g.gathering || len(g.pending) > 0 {
			return name + " is not at rest"
		}
		for _, topic := range g.topics {
			for p := range g.partitions {
				l := s.broker.log(topic, int32(p))
				if records, _, _ := l.read(max(l.start, g.committed[place{topic, int32(p)}]), 1); len(records) > 0 || l.stable() < l.end() {
					return fmt.Sprintf("%s is not at the end of %s/%d", name, topic, p)
				}
			}
		}
	}
	for _, w := range s.workers {
		for _, p := range w.procs {
			if p.state != running {
				return w.name + " does not run " + p.name
			}
			if p.run.act != batching.DoPollFirst {
				return w.name + " is in a batch of " + p.name
			}
			for part := range p.run.rows.All() {
				if part.Deadlines != nil && part.Deadlines.Len() > 0 {
					if at, _ := part.Deadlines.Next(); at.Before(s.now.Add(time.Hour)) {
						return "rows of " + p.name + " are due"
					}
				}
			}
		}
	}
	return ""
}

// arrive appends the next input.
func (s *Sim) arrive() {
	if len(s.coming) > 0 {
		rec := s.coming[0]
		s.coming = s.coming[1:]
		if rec.Timestamp.IsZero() {
			rec.Timestamp = s.now
		}
		s.broker.append(rec)
	}
}

// outside does an effect, or fails to.
func (s *Sim) outside(group, key string, of topology.Pending, _ int) error {
	if s.oneIn(rates.outside) {
		return errRefused
	}
	s.acts = append(s.acts, effect{group, key, of})
	return nil
}

// registryAway is what a codec says whose registry cannot be asked.
func (s *Sim) registryAway() error {
	if s.oneIn(rates.registry) {
		return topology.ErrUnavailable
	}
	return nil
}

// chance is true once in n times.
func (s *Sim) chance(n int) bool { return s.r.IntN(n) == 0 }

// oneIn is chance of what goes wrong: never once everything heals.
func (s *Sim) oneIn(n int) bool { return s.chaos && s.r.IntN(n) == 0 }

func (s *Sim) trace(who, what string) { s.traceErr(who, "", what, nil) }

func (s *Sim) traceErr(who, group, what string, err error) {
	if s.log == nil {
		return
	}
	line := fmt.Sprintf("%5d %8.3fs %-10s", s.steps, s.now.Sub(epoch).Seconds(), who)
	if group != "" {
		line += " " + group
	}
	line += " " + what
	if err != nil {
		line += ": " + err.Error()
	}
	s.log(line)
}
