package peers

import (
	"context"
	"errors"
	"slices"
	"time"

	"payerflow/internal/topology"
)

const (
	// hopShare is the part of a request's time after which a worker that does
	// not answer is given up for another, and otherLook how often it is seen
	// whether there is one.
	hopShare  = 4
	otherLook = 50 * time.Millisecond
)

// errOther ends a hop: somebody else may answer.
var errOther = errors.New("another worker is asked")

// hop is the time that a worker has. One that hangs leaves time for another.
// One that is slow, and the only one that may answer, has all there is: asked
// once more, it would not be faster.
func (v *Views) hop(ctx context.Context, of []*way, waits bool) (hop context.Context, end func()) {
	if waits {
		return ctx, func() {}
	}
	hop, cancel := context.WithCancelCause(ctx)
	asked := make([]way, len(of)) // these go on when the hop has ended
	for i, w := range of {
		asked[i] = *w
	}
	turn := time.AfterFunc(v.timeout/hopShare, func() {
		for hop.Err() == nil {
			if slices.ContainsFunc(asked, way.other) {
				cancel(errOther)
				return
			}
			select {
			case <-hop.Done():
			case <-time.After(otherLook):
			}
		}
	})
	return hop, func() { turn.Stop(); cancel(nil) }
}

// other says whether somebody else than the one that is asked may answer: a
// copy, or who said later that it folds the partition.
func (w way) other() bool {
	return w.q.Staleness > 0 || !slices.ContainsFunc(w.v.dir.Holders(w.q.View, w.q.Partition), func(h topology.Holder) bool {
		return h.Owner && h.Instance == w.asking.Instance
	})
}
