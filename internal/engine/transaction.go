package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// untilEnd bounds a step at the end of a transaction. A worker that is told to
// stop gives brokers that are away little time more, for all such steps together.
func (rt *runtime) untilEnd() (context.Context, context.CancelFunc) {
	return context.WithTimeout(rt.patience, endTimeout)
}

// flush produces the changed rows and waits until the broker has all that the
// batch produced.
func (rt *runtime) flush(s *session) error {
	if err := s.rows.flush(s); err != nil {
		rt.fail(err)
		return err
	}
	ctx, cancel := rt.untilEnd()
	defer cancel()
	if err := rt.client.Flush(ctx); err != nil {
		rt.fail(fmt.Errorf("flush: %w", err))
	}
	return rt.failed()
}

// end ends the transaction. An error leaves its outcome unknown: the run ends,
// and the next one reads what was committed.
func (rt *runtime) end(commit bool) (bool, error) {
	ctx, cancel := rt.untilEnd()
	defer cancel()
	done, err := rt.session.End(ctx, kgo.TransactionEndTry(commit))
	outcome := aborted
	if done {
		outcome = committed
	}
	rt.p.g.e.metrics.transactions.WithLabelValues(rt.p.name, outcome).Inc()
	if err != nil {
		err = fmt.Errorf("end transaction: %w", err)
		rt.fail(err)
	}
	return done, err
}

// store puts the rows of a committed transaction into the local state.
func (rt *runtime) store(s *session) error {
	err := s.rows.Store(time.Now())
	if err != nil {
		rt.fail(err)
	}
	s.tellWaiting()
	return err
}
