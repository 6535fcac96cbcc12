package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/internal/topology"
)

// bounds are how much one request looks through before it answers with what it
// has, and where to go on.
type bounds struct {
	page  reach         // of a query
	whole reach         // of an aggregate
	chunk int           // rows read at once
	scans int           // requests that look through rows at one time; as many exports beside them
	wait  time.Duration // until one of these ends
	stall time.Duration // that a client may take to read a page of an export
}

// reach is how far one look through rows goes.
type reach struct {
	rows int           // looked at
	time time.Duration // worked
	cost uint64        // of conditions, in CEL's units
}

func defaultBounds() bounds {
	return bounds{page: reach{100_000, 2 * time.Second, 50_000_000}, whole: reach{1_000_000, 15 * time.Second, 500_000_000}, chunk: 256, scans: 8, wait: time.Second, stall: exportStall}
}

// Why a request stopped before the last row.
const (
	stoppedRows = "ROWS"
	stoppedTime = "TIME"
	stoppedCost = "COST"
)

// scan looks through the rows of a view.
type scan struct {
	view      string
	synthetic bool
	reach     reach
	spent     func() uint64 // cost of conditions so far; nil: none
	looked    int
	next      *topology.Place // where to go on, nil at the end
	stopped   string          // which bound was reached, "" for none
}

// each calls f with rows from a place on, until f says that it has enough, a
// bound is reached, or there are no more.
func (s *surface) each(ctx context.Context, c *scan, from topology.Place, f func(topology.Answer) (enough bool, err error)) error {
	began := time.Now()
	for {
		page, err := s.views.List(ctx, c.view, from, s.bounds.chunk, c.synthetic)
		if err != nil {
			return problemOf(err)
		}
		for i, row := range page.Rows {
			c.looked++
			enough, err := f(row)
			if err != nil {
				return err
			}
			if enough {
				c.next, err = s.after(ctx, c, from, i+1, page)
				return err
			}
		}
		if c.next = page.Next; c.next == nil {
			return nil
		}
		switch from = *page.Next; {
		case ctx.Err() != nil:
			return ended(ctx)
		case c.looked >= c.reach.rows:
			c.stopped = stoppedRows
		case time.Since(began) >= c.reach.time:
			c.stopped = stoppedTime
		case c.spent != nil && c.spent() >= c.reach.cost:
			c.stopped = stoppedCost
		default:
			continue
		}
		return nil
	}
}

// after is the place behind the first n rows of a page.
func (s *surface) after(ctx context.Context, c *scan, from topology.Place, n int, page topology.Page) (*topology.Place, error) {
	if n == len(page.Rows) {
		return page.Next, nil
	}
	shorter, err := s.views.List(ctx, c.view, from, n, c.synthetic)
	if err != nil {
		return nil, problemOf(err)
	}
	return shorter.Next, nil
}

// begin waits for its turn to look through rows.
func (s *surface) begin(ctx context.Context) (done func(), err error) {
	return func() { <-s.turns }, s.takes(ctx, s.turns)
}

func (s *surface) takes(ctx context.Context, turns chan struct{}) error {
	wait := time.NewTimer(s.bounds.wait)
	defer wait.Stop()
	select {
	case turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	case <-wait.C:
		p := problem.New(http.StatusServiceUnavailable, "BUSY", "as many requests look through rows as may at one time; try again")
		p.RetryAfter = 1
		return p
	}
}

// ended says that a request's token was revoked while it was answered, or that
// nobody waits for the answer.
func ended(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return access.Ended(err)
	}
	return problem.New(http.StatusServiceUnavailable, "CANCELED", "the request was given up")
}
