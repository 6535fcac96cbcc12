package peers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"payerflow/internal/topology"
)

const (
	// maxHops bounds how often a question is passed from guess to guess.
	maxHops = 2
	// maxCopies bounds how many other copies are asked.
	maxCopies  = 3
	firstPause = 20 * time.Millisecond
	lastPause  = 200 * time.Millisecond
)

// result is what came of a question.
type result struct {
	topology.Reply
	err error
}

// ask asks whoever answers for a partition. What is folded here, and is asked for
// as it is, is read with nothing else about it.
func (v *Views) ask(ctx context.Context, q topology.Question) (topology.Reply, error) {
	allowed := topology.Allowed(ctx)
	if v.replica || len(allowed.AtLeast) > 0 {
		r := v.askAll(ctx, []topology.Question{q})[0]
		return r.Reply, r.err
	}
	w := &way{v: v, q: v.question(q, allowed, nil)}
	if _, here, _ := w.next(); here {
		w.take(w.here(ctx))
	}
	if !w.done {
		ctx, cancel := context.WithTimeout(ctx, v.timeout)
		defer cancel()
		v.settle(ctx, []*way{w})
	}
	return w.reply, w.outcome()
}

// question is one as its reader allows it to be answered.
func (v *Views) question(q topology.Question, allowed topology.Allowance, atLeast []topology.Position) topology.Question {
	q.Staleness = v.bound
	if allowed.Staleness != nil {
		q.Staleness, q.Fresh = *allowed.Staleness, true
	}
	for _, p := range atLeast {
		if p.Partition == q.Partition {
			q.AtLeast = append(q.AtLeast, p)
		}
	}
	if q.Incarnation = allowed.Incarnation; v.remote != nil && q.Incarnation == "" {
		q.Incarnation = v.dir.Incarnation(q.View)
	}
	return q
}

// askAll asks questions about a view, in parallel, in one call to each worker.
func (v *Views) askAll(ctx context.Context, qs []topology.Question) []result {
	allowed := topology.Allowed(ctx)
	ctx, cancel := context.WithTimeout(ctx, v.patience(allowed))
	defer cancel()
	out := make([]result, len(qs))
	if err := v.sameTable(qs[0].View, allowed.Tables); err != nil {
		for i := range out {
			out[i].err = err
		}
		return out
	}
	atLeast, err := v.reach(ctx, qs[0].View, allowed.AtLeast)
	if err != nil {
		for i := range out {
			out[i].err = err
		}
		return out
	}
	ways := make([]*way, len(qs))
	for i, q := range qs {
		ways[i] = &way{v: v, q: v.question(q, allowed, atLeast)}
	}
	v.settle(ctx, ways)
	for i, w := range ways {
		out[i] = result{w.reply, w.outcome()}
	}
	return out
}

// sameTable says whether positions in a view's table are of the one that there
// is.
func (v *Views) sameTable(view string, of map[string]string) error {
	if v.dir == nil {
		return nil
	}
	served, _ := v.Served(view)
	was, is := of[served.Table], v.dir.Incarnation(view)
	if was != "" && is != "" && was != is {
		return topology.ErrNoPosition
	}
	return nil
}

// patience is how long a request may take.
func (v *Views) patience(a topology.Allowance) time.Duration {
	if len(a.AtLeast) > 0 && a.Wait > 0 {
		return a.Wait
	}
	return v.timeout
}

func (v *Views) reach(ctx context.Context, view string, from []topology.Position) ([]topology.Position, error) {
	if len(from) == 0 || v.dir == nil {
		return from, nil
	}
	began := time.Now()
	at, err := v.dir.Reach(ctx, view, from)
	v.metrics.waited(view, began, err)
	return at, err
}

// settle asks until every question has an answer, or there is no time left.
func (v *Views) settle(ctx context.Context, ways []*way) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		for v.round(ctx, ways) {
		}
		if v.switched(ways) {
			return
		}
		open := slices.ContainsFunc(ways, func(w *way) bool { return !w.done && w.mayChange() })
		if !open || v.remote == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		for _, w := range ways {
			w.again()
		}
	}
}

// switched ends questions about a version that is no longer live: another one
// must not answer what it began to.
func (v *Views) switched(ways []*way) (any bool) {
	for _, w := range ways {
		if v.dir == nil || w.done || w.q.Incarnation == "" {
			continue
		}
		if now := v.dir.Incarnation(w.q.View); now != "" && now != w.q.Incarnation {
			w.err, any = topology.ErrSwitching, true
		}
	}
	return any
}

// round takes each open question a step on; false where none has one left.
func (v *Views) round(ctx context.Context, ways []*way) bool {
	byWorker := map[topology.Holder][]*way{}
	stepped := false
	for _, w := range ways {
		if w.done || ctx.Err() != nil {
			continue
		}
		to, here, ok := w.next()
		stepped = stepped || ok
		switch {
		case !ok:
		case here:
			w.take(w.here(ctx))
		default:
			byWorker[to] = append(byWorker[to], w)
		}
	}
	var wg sync.WaitGroup
	for to, of := range byWorker {
		if len(byWorker) == 1 {
			v.call(ctx, to, of)
			break
		}
		wg.Go(func() { v.call(ctx, to, of) })
	}
	wg.Wait()
	return stepped
}

// call asks one worker.
func (v *Views) call(ctx context.Context, to topology.Holder, of []*way) {
	qs := make([]topology.Question, len(of))
	waits := false
	for i, w := range of {
		qs[i] = w.asked()
		waits = waits || len(qs[i].AtLeast) > 0
	}
	began := time.Now()
	hop, end := v.hop(ctx, of, waits)
	defer end()
	if !waits && len(qs) == 1 && len(qs[0].Keys) == 1 {
		r := v.remote.askOne(hop, to, qs[0], v.timeout)
		v.metrics.hop(qs[0].View, began, r.err)
		of[0].take(r)
		return
	}
	for i, r := range v.remote.ask(hop, to, qs) {
		v.metrics.hop(qs[i].View, began, r.err)
		of[i].take(r)
	}
}

// errorsInOrder are what a question may end with, the more telling first.
var errorsInOrder = []error{topology.ErrSwitching, topology.ErrNotReached, topology.ErrTooStale, topology.ErrRestoring, topology.ErrUnavailable, topology.ErrElsewhere}

// worse keeps the more telling of two errors.
func worse(a, b error) error {
	for _, known := range errorsInOrder {
		if errors.Is(a, known) {
			return a
		}
		if errors.Is(b, known) {
			return b
		}
	}
	if a == nil {
		return b
	}
	return a
}
