package sim

import (
	"slices"
	"sync/atomic"
	"time"

	"payerflow/internal/batching"
	"payerflow/internal/topology"
)

// processor is a member of one consumer group, as the engine's is: it folds a
// group's records, or repartitions the inputs that have another partition
// count. One step does one thing.
type processor struct {
	w       *worker
	s       *Sim
	g       *topology.Bound
	name    string // consumer group
	id      string // transactional id
	group   *consumers
	folds   bool
	inputOf map[string]int
	viaOf   map[string]int

	state  state
	rests  time.Time // until then
	epoch  int
	failed error // condemns the run
	run    session

	careful atomic.Bool
}

type state int

const (
	resting state = iota
	opening
	joining
	entering
	restoring
	running
	stopped
)

// session is one assignment of partitions.
type session struct {
	generation int
	partitions []int32
	positions  map[place]int64 // what is folded and committed
	fetched    map[place]int64 // what is polled
	next       map[place]int64 // behind what the batch has polled
	polled     []run
	restore    *restore
	left       []int32 // to restore

	m      *batching.Machine
	act    batching.Action
	rows   *batching.Rows
	again  bool // the open transaction is to be taken back
	held   map[place]time.Time
	ticks  map[int32]time.Time
	pinned topology.Pinned
}

// run are the records that one poll brought of one partition.
type run struct {
	in      place
	records []*topology.Raw
}

func newFolding(w *worker, g *topology.Bound) *processor {
	return newProcessor(w, g, g.Name, true, g.Reads(), g.Table.Partitions)
}

func newFeeding(w *worker, g *topology.Bound, partitions int, inputs []int) *processor {
	var topics []string
	for _, i := range inputs {
		topics = append(topics, g.Inputs[i].Topic.Name)
	}
	return newProcessor(w, g, topology.FeedingGroup(g.Name, partitions), false, topics, partitions)
}

func newProcessor(w *worker, g *topology.Bound, name string, folds bool, topics []string, partitions int) *processor {
	p := &processor{w: w, s: w.s, g: g, name: name, id: w.name + "/" + name, folds: folds, state: opening,
		group: w.s.broker.group(name, topics, partitions), inputOf: map[string]int{}, viaOf: map[string]int{}}
	for i, in := range g.Inputs {
		p.inputOf[in.Topic.Name] = i
		if _, shared := p.viaOf[in.Via.Name]; !shared {
			p.viaOf[in.Via.Name] = i
		}
	}
	return p
}

func (p *processor) step() {
	switch p.state {
	case resting:
		if !p.s.now.Before(p.rests) {
			p.state = opening
		}
	case opening:
		p.open()
	case joining:
		p.join()
	case entering:
		p.enter()
	case restoring:
		p.restoreSome()
	case running:
		p.perform()
	}
	if p.w.ends && p.state < running {
		p.stop()
	}
}

// open ends what a predecessor with the same transactional id left open.
func (p *processor) open() {
	p.failed = nil
	if err := p.w.ask(func() error { p.epoch = p.s.broker.initProducer(p.id); return nil }); err != nil {
		p.rest("cannot open", err)
		return
	}
	p.group.join(p.w.name)
	p.state = joining
	p.tell("joins", nil)
}

func (p *processor) join() {
	m := p.group.members[p.w.name]
	switch {
	case m == nil, p.group.gathering && !m.joined: // taken for dead, or another came meanwhile
		p.group.join(p.w.name)
	case !p.group.gathering && m.generation == p.group.generation:
		p.run = session{generation: m.generation, partitions: m.partitions, held: map[place]time.Time{}, ticks: map[int32]time.Time{}}
		p.state = entering
		p.tell("is assigned", nil)
	}
}

// enter ends what workers that are gone left open, and reads where the group is.
func (p *processor) enter() {
	if p.group.stale(p.w.name, p.run.generation) {
		p.again()
		return
	}
	for _, other := range sortedKeys(p.group.announced) {
		if p.group.members[other] != nil {
			continue
		}
		if err := p.w.ask(func() error { p.s.broker.initProducer(p.group.announced[other]); return nil }); err != nil {
			p.rest("cannot fence", err)
			return
		}
		delete(p.group.announced, other)
		p.tell("fences one that is gone", nil)
	}
	p.group.announced[p.w.name] = p.id
	at, err := p.group.stablePositions(p.run.partitions)
	if err != nil {
		return // and asks again
	}
	p.run.positions, p.run.fetched, p.run.next = at, cloneOf(at), map[place]int64{}
	if p.folds {
		p.run.left = slices.Clone(p.run.partitions)
	}
	p.state = restoring
}

// begin starts the session's batches.
func (p *processor) begin() {
	var store batching.Store
	if p.folds {
		store = disk{p.w.store(p.g.Table.Name), p.w}
	}
	rows, err := batching.NewRows(p.g, &p.careful, store, p.run.partitions)
	if err != nil {
		p.rest("cannot read its rows", err)
		return
	}
	p.run.rows, p.run.m, p.run.act = rows, batching.NewMachine(1+p.s.r.IntN(8), batchInterval), batching.DoPollFirst
	p.state = running
	p.tell("runs", nil)
}

// again joins anew: the assignment is no more.
func (p *processor) again() {
	p.state = joining
	p.group.join(p.w.name)
}

// rest ends the run and leaves the group; the next run begins with nothing but
// what is committed.
func (p *processor) rest(what string, err error) {
	p.tell(what, err)
	p.stop()
	p.state, p.run = resting, session{}
	p.rests = p.s.now.Add(time.Duration(p.s.r.IntN(500)) * time.Millisecond)
}

// stop leaves the group with a word.
func (p *processor) stop() {
	p.state = stopped
	p.group.leave(p.w.name)
	delete(p.group.announced, p.w.name)
}

func (p *processor) fail(err error) {
	if p.failed == nil {
		p.failed = err
	}
}

func (p *processor) tell(what string, err error) { p.s.traceErr(p.w.name, p.name, what, err) }
