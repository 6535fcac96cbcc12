package peers

import (
	"context"
	"errors"
	"slices"

	"payerflow/internal/topology"
)

// way is a question on its way: first to the owner, wherever it is, then, as far
// as older copies may answer, to what is here, and to others that have one. A
// replica begins with what is here.
type way struct {
	v *Views
	q topology.Question

	stage  stage
	hops   int
	hint   *topology.Holder // what the worker that was asked last said
	asking topology.Holder
	tried  []string // instances, of this attempt
	copies int

	done  bool
	reply topology.Reply
	err   error
}

type stage int

const (
	copyFirst stage = iota // a replica's own copy
	ownerHere
	ownerThere
	copyHere
	copyThere
	nowhere
)

// next says who is asked next; here, or another worker.
func (w *way) next() (to topology.Holder, here, ok bool) {
	for ; ; w.stage++ {
		switch w.stage {
		case copyFirst:
			if w.v.replica && w.q.Staleness > 0 {
				return to, true, true
			}
		case ownerHere:
			if !w.v.replica {
				return to, true, true
			}
		case ownerThere:
			if to, ok = w.owner(); ok {
				return to, false, true
			}
		case copyHere:
			if w.q.Staleness > 0 && !w.v.replica {
				return to, true, true
			}
		case copyThere:
			if to, ok = w.copy(); ok {
				return to, false, true
			}
		default:
			return to, false, false
		}
	}
}

// owner is who may fold the partition: whoever the last one that was asked
// named, else whoever said so.
func (w *way) owner() (to topology.Holder, ok bool) {
	if w.v.remote == nil || w.hops >= maxHops {
		return to, false
	}
	if w.hint != nil && !w.known(w.hint.Instance) {
		return w.to(*w.hint), true
	}
	for _, h := range w.v.dir.Holders(w.q.View, w.q.Partition) {
		if h.Owner && !w.known(h.Instance) && (w.q.Staleness == 0 || !w.v.remote.shuns(h.Instance)) {
			return w.to(h), true
		}
	}
	return to, false
}

// copy is another worker that may have one.
func (w *way) copy() (to topology.Holder, ok bool) {
	if w.v.remote == nil || w.q.Staleness <= 0 || w.copies >= maxCopies {
		return to, false
	}
	for _, h := range w.v.dir.Holders(w.q.View, w.q.Partition) {
		if !w.known(h.Instance) && !w.v.remote.shuns(h.Instance) {
			w.copies++
			return w.to(h), true
		}
	}
	return to, false
}

func (w *way) known(instance string) bool {
	return instance == w.v.dir.Self() || slices.Contains(w.tried, instance)
}

func (w *way) to(h topology.Holder) topology.Holder {
	h.Owner, h.Generation = false, 0 // who is asked for several partitions is asked once
	w.asking, w.hint = h, nil
	w.tried = append(w.tried, h.Instance)
	w.hops++
	return h
}

// asked is the question as this stage puts it: an owner is not asked for an
// older copy before all have been looked for.
func (w *way) asked() topology.Question {
	q := w.q
	if w.stage == ownerHere || w.stage == ownerThere {
		q.OwnerOnly = true
	}
	return q
}

func (w *way) here(ctx context.Context) replied {
	r, err := w.v.local.Read(ctx, w.asked())
	return replied{reply: r, err: err}
}

// take notes what was answered.
func (w *way) take(r replied) {
	if r.err == nil || !passing(r.err) {
		w.done, w.reply, w.err = true, r.reply, r.err
		return
	}
	w.err = worse(r.err, w.err)
	if w.stage != ownerThere && w.stage != copyThere {
		w.stage++
	}
	if w.stage != ownerThere {
		return
	}
	best := int64(-1)
	for _, h := range r.holders {
		if h.Owner && h.Generation > best && h.Address != "" && !w.known(h.Instance) {
			best, w.hint = h.Generation, &h
		}
	}
}

// passing says whether somebody else, or the same one later, may answer.
func passing(err error) bool {
	return slices.ContainsFunc(errorsInOrder, func(known error) bool { return errors.Is(err, known) })
}

// mayChange says whether it is worth asking again soon; also where nobody is
// known who could be asked.
func (w *way) mayChange() bool {
	return w.err == nil || passing(w.err) && !errors.Is(w.err, topology.ErrNotReached)
}

// again begins anew, with the last error in mind.
func (w *way) again() {
	if !w.done {
		*w = way{v: w.v, q: w.q, err: w.err}
	}
}

// outcome is the error of a question that is settled, or ran out of time.
func (w *way) outcome() error {
	if w.done {
		return w.err
	}
	if w.err == nil {
		return topology.ErrUnavailable
	}
	return w.err
}
