package processors

import (
	"sync"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// InForce is what one transaction of the router works with: a snapshot of the
// rules, and the time when it began.
type InForce struct {
	Rules    *Rules
	At       events.Instant
	reported *sync.Map // Quarantine -> true: each is asked for once
	shadows  *ShadowCounts
	counts   *RoutedCounts
}

// NewInForce pins a snapshot.
func NewInForce(r *Rules, at time.Time) InForce {
	return InForce{Rules: r, At: events.InstantOf(at), reported: &sync.Map{}}
}

// Counting is the same, and counts there what is in shadow mode and what is
// routed: also for a transaction that is aborted and done again.
func (f InForce) Counting(s *ShadowCounts, r *RoutedCounts) InForce {
	f.shadows, f.counts = s, r
	return f
}

// Mark is the record of what the transaction worked with.
func (f InForce) Mark(worker string, ranges []topology.Range) topology.Output {
	b := events.BatchRouted{Worker: worker, RoutingHash: f.Rules.RoutingHash(), ControlOffset: f.Rules.Offset(), At: f.At}
	for _, r := range ranges {
		b.Ranges = append(b.Ranges, events.Range(r))
	}
	return topology.Output{Key: worker, Value: b}
}

// Version is the next offset of mediator.control.
func (f InForce) Version() int64 { return f.Rules.Offset() }

// Hash is the routing hash.
func (f InForce) Hash() string { return f.Rules.RoutingHash() }

// first says whether a quarantine was not asked for in this transaction yet.
func (f InForce) first(q Quarantine) bool {
	_, again := f.reported.LoadOrStore(q, true)
	return !again
}
