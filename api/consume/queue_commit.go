package consume

import (
	"context"
	"errors"
	"maps"
	"time"

	"payerflow/connectors/kafka"
)

// settle changes the window and commits what follows from that.
func (q *queue) settle(ctx context.Context, change func(*window)) error {
	q.mu.Lock()
	if q.err != nil {
		defer q.mu.Unlock()
		return q.err
	}
	change(q.window)
	q.used = time.Now()
	q.signal()
	q.mu.Unlock()
	return q.commit(ctx)
}

// commit writes the positions before which everything is done, where they are
// ahead of what was written.
func (q *queue) commit(ctx context.Context) error {
	q.committing.Lock()
	defer q.committing.Unlock()
	q.mu.Lock()
	positions, err := q.window.positions(), q.err
	q.mu.Unlock()
	maps.DeleteFunc(positions, func(p int32, at int64) bool {
		before, ok := q.committed[p]
		return ok && at <= before
	})
	if err != nil || len(positions) == 0 {
		return err
	}
	if err := q.member.Commit(ctx, positions); err != nil {
		if errors.Is(err, kafka.ErrFenced) {
			q.end(err)
		}
		return err
	}
	maps.Copy(q.committed, positions)
	return nil
}

// seek writes a position of the caller's choice and ends the queue: leases are
// gone, and the next pull begins there.
func (q *queue) seek(ctx context.Context, to map[int32]int64) error {
	q.committing.Lock()
	defer q.committing.Unlock()
	q.mu.Lock()
	err := q.err
	q.window.drop(q.window.partitions())
	q.mu.Unlock()
	if err != nil {
		return err
	}
	err = q.member.Commit(ctx, to)
	q.end(errSought)
	return err
}

var errSought = later("OWNER_MOVES", "the position of the subscription was moved; pull again")
