package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/internal/topology"
	"payerflow/processors"
)

// maxWatched is how many rows under a key may be watched.
const maxWatched = 1000

// watching is one watch under way.
type watching struct {
	s         *surface
	v         topology.Served
	key       string
	synthetic bool
	about     string
	base      context.Context // of the request
	allowed   topology.Allowance
	ctx       context.Context // of the version that is live

	at      watchPlace // up to where the reader has all
	from    topology.Watching
	resumed bool // the reader has what was there before
	out     *eventStream
	held    map[string]int64 // rows under a key as they were read: their places in the changelog
	till    int64            // behind all of these
	seen    seen
}

// serve writes the stream. A problem says that nothing was written.
func (x *watching) serve(w http.ResponseWriter) *Problem {
	mask, p := x.sight()
	if p != nil {
		denied(x, p)
		return p
	}
	begin, reset := x.resume, false
	if x.at.incarnation == "" {
		begin = x.fresh
	}
	defer func() {
		if x.from != nil {
			x.from.Close()
		}
	}()
	first, err := begin()
	if gone(err) {
		reset = true
		first, err = x.fresh()
	}
	if err != nil {
		return x.problem(err)
	}
	x.seen.count = len(first)
	if p := x.seen.opens(x, mask, x.shown(first)...); p != nil {
		return p
	}
	x.seen.count = 0 // each is counted as it is written
	x.out = openEvents(w, x.s.watches.Stall)
	defer x.out.close()
	defer context.AfterFunc(x.s.watches.stopping, x.out.hurry)()
	p = x.first(first, reset)
	if p == nil {
		p = x.run()
	}
	x.seen.ends(x, p)
	if p != nil {
		x.out.end(p)
	}
	return nil
}

// pin has the version answer that is live now.
func (x *watching) pin() {
	x.v = x.s.live(x.v)
	x.ctx = pin(x.base, x.v, x.allowed)
}

// gone says that a place is not one to go on from.
func gone(err error) bool {
	return errors.Is(err, topology.ErrPassed) || errors.Is(err, topology.ErrNoPosition)
}

// resume follows the changelog from the reader's place, once it is known that
// it still has all that came since.
func (x *watching) resume() (_ []topology.Answer, err error) {
	x.resumed = true
	return nil, x.follow()
}

func (x *watching) follow() error {
	if x.from != nil {
		x.from.Close()
	}
	stored := topology.RowKey(x.key, x.synthetic)
	if x.v.Lists {
		stored = topology.RowKey(topology.RowUnder(x.key, ""), x.synthetic)
	}
	from, err := x.s.watches.Watch(x.ctx, topology.Watch{View: x.v.Name, Partition: topology.Partition([]byte(x.key), x.v.Partitions), Key: stored,
		From: x.at.next, Incarnation: x.at.incarnation})
	if err == nil {
		x.from = from
	}
	return err
}

// fresh reads what is watched as it is, and follows the changelog from there.
func (x *watching) fresh() (rows []topology.Answer, err error) {
	x.pin()
	key := x.key
	if x.v.Lists {
		key = topology.RowUnder(key, "")
	}
	a, err := x.s.views.Get(x.ctx, x.v.Name, key, x.synthetic)
	if err != nil && !errors.Is(err, topology.ErrNotFound) {
		return nil, err
	}
	x.resumed = false
	x.at, x.held, x.till = watchPlace{a.Incarnation, a.Changelog}, nil, a.Changelog
	if err == nil && !x.v.Lists {
		rows = []topology.Answer{a}
	}
	if err := x.follow(); err != nil {
		return nil, err
	}
	if !x.v.Lists {
		return rows, nil
	}
	page, err := x.s.views.Under(x.ctx, x.v.Name, x.key, topology.Place{}, maxWatched, x.synthetic)
	if err != nil {
		return nil, err
	}
	if page.Next != nil {
		return nil, problem.New(http.StatusUnprocessableEntity, "TOO_MANY_ROWS", "more than 1000 rows are under the key; read them by pages")
	}
	x.held = map[string]int64{}
	for _, a := range page.Rows {
		if a.Incarnation != x.at.incarnation {
			return nil, topology.ErrNoPosition
		}
		x.held[a.Suffix] = a.Changelog
		x.till = max(x.till, a.Changelog)
	}
	return page.Rows, nil
}

// shown are the keys of rows under a key.
func (x *watching) shown(rows []topology.Answer) (keys []string) {
	if !x.v.Lists {
		return nil // it was asked for
	}
	for _, a := range rows {
		if keys = append(keys, a.Key); a.ID != "" {
			keys = append(keys, a.ID)
		}
	}
	return keys
}

// sight is what the reader sees at this moment, a broken glass that still holds
// included.
func (x *watching) sight() (*processors.RowMask, *Problem) {
	rules, err := x.s.guard.Rules()
	if err != nil {
		return nil, access.Stale()
	}
	ctx := x.ctx
	if p, ok := access.From(ctx); ok {
		p.Broken = rules.Broken(p.Token, time.Now())
		ctx = access.With(ctx, p)
	}
	mask, err := x.s.sight(ctx, x.v)
	if err != nil {
		return nil, x.problem(err)
	}
	return mask, nil
}

func (x *watching) problem(err error) *Problem {
	var p *Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, topology.ErrBehind):
		return laterProblem("TOO_SLOW", "states came faster than they were read; resume at the last id")
	case errors.Is(err, topology.ErrUnavailable) && !errors.As(err, new(*topology.AwayError)), gone(err), x.ctx.Err() != nil:
		return laterProblem("RECONNECT", "what is watched is not followed here for now; resume at the last id")
	}
	return problemOf(err)
}

// run writes states as they come, until the reader leaves or something ends it.
func (x *watching) run() *Problem {
	beat := time.NewTicker(x.s.watches.Beat)
	defer beat.Stop()
	for {
		states, next, err := x.from.Take()
		p := x.send(states)
		if p == nil && len(states) == 0 && err != nil {
			if p = x.problem(err); gone(err) {
				p = x.again()
			}
		} else if p == nil {
			x.at.next = max(x.at.next, next)
		}
		if p != nil || x.out.gone() {
			return p
		}
		if len(states) > 0 {
			continue
		}
		select {
		case <-x.from.Ready():
		case <-beat.C:
			x.out.beat(x.place())
			_ = x.out.flush() // looked at above
		case <-x.s.watches.stopping.Done():
			return laterProblem("RECONNECT", "the worker stops; resume at the last id")
		case <-x.ctx.Done():
			return left(x.ctx)
		}
	}
}

// again begins anew where the log does not have what came since.
func (x *watching) again() *Problem {
	rows, err := x.fresh()
	if err != nil {
		return x.problem(err)
	}
	return x.first(rows, true)
}

// left says why a request's context ended, nil where its reader left.
func left(ctx context.Context) *Problem {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return nil
	}
	return access.Ended(cause)
}
