package sim

import (
	"slices"
	"time"

	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

// worker is one process after the other, on one data directory.
type worker struct {
	s     *Sim
	name  string
	up    bool
	still bool          // it is stopped, and does not know it
	ends  bool          // it was told to end
	skew  time.Duration // of its wall clock
	fuse  int           // requests until it dies, 0: it lives on
	procs []*processor

	stores map[string]*rowlog.Memory // the data directory, by table
	synced map[string]*rowlog.Memory // what of it would survive the end of the machine
}

// died is what a worker panics with whose fuse has burnt down.
type died struct{}

// start runs a new process on what is in the data directory.
func (w *worker) start() {
	w.up, w.still, w.ends, w.fuse, w.procs = true, false, false, 0, nil
	for _, g := range w.s.world.bind(w.s) {
		w.procs = append(w.procs, newFolding(w, g))
		counts := map[int][]int{}
		for i, in := range g.Inputs {
			if in.Whole {
				counts[in.Topic.Partitions] = append(counts[in.Topic.Partitions], i)
			}
		}
		for n := range 100 {
			if inputs := counts[n]; inputs != nil {
				w.procs = append(w.procs, newFeeding(w, g, n, inputs))
			}
		}
	}
}

// crash ends the process without a word. What the machine forgets with it is
// what was not synced.
func (w *worker) crash(machineToo bool) {
	w.up, w.still = false, false
	if machineToo {
		for name, m := range w.synced {
			w.stores[name] = m.Clone()
		}
	}
}

// store is the local copy of a table.
func (w *worker) store(table string) *rowlog.Memory {
	if w.stores[table] == nil {
		w.stores[table] = rowlog.NewMemory(rowlog.Options{Order: topology.PrefixOf})
	}
	return w.stores[table]
}

func (w *worker) sync() {
	for name, m := range w.stores {
		w.synced[name] = m.Clone()
	}
}

// clock is the worker's wall clock.
func (w *worker) clock() time.Time { return w.s.now.Add(w.skew) }

// step lets one of its processors do one thing.
func (w *worker) step() {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case died:
			w.s.trace(w.name, "dies")
			w.crash(w.s.chance(4))
		default:
			panic(v)
		}
	}()
	w.procs[w.s.r.IntN(len(w.procs))].step()
	if w.ends && !slices.ContainsFunc(w.procs, func(p *processor) bool { return p.state != stopped }) {
		w.s.trace(w.name, "has ended")
		w.up = false
	}
}

// ask makes a request to the broker, which may refuse it, or whose answer may
// be lost; or the worker dies before or behind it.
func (w *worker) ask(do func() error) error {
	if w.fuse > 0 {
		if w.fuse--; w.fuse == 0 {
			if w.s.chance(2) {
				_ = do()
			}
			panic(died{})
		}
	}
	switch {
	case w.s.oneIn(rates.refused):
		return errRefused
	case w.s.oneIn(rates.lost):
		if err := do(); err != nil {
			return err
		}
		return errLost
	}
	return do()
}
