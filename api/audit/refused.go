package audit

import (
	"context"
	"sync"
	"time"

	"payerflow/events"
)

// refusals counts refused tokens. However many come, few records are written:
// one for each code and known token in each interval.
type refusals struct {
	mu     sync.Mutex
	counts map[refusal]int64
}

type refusal struct{ code, token string }

const (
	refusedEvery = 10 * time.Second
	maxRefusals  = 64 // tokens told apart in an interval; the others are counted together
	actRefused   = "token.refused"
)

func newRefusals() refusals { return refusals{counts: map[refusal]int64{}} }

// Refused counts a request whose token was refused. token is the id of one
// that exists, else "".
func (t *Trail) Refused(code, token string) {
	t.metrics.refused.WithLabelValues(code).Inc()
	t.refused.mu.Lock()
	defer t.refused.mu.Unlock()
	r := refusal{code, token}
	if _, known := t.refused.counts[r]; !known && len(t.refused.counts) >= maxRefusals {
		r.token = ""
	}
	t.refused.counts[r]++
}

// Run writes refused tokens down until ctx ends, and then what is left.
func (t *Trail) Run(ctx context.Context) error {
	tick := time.NewTicker(refusedEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			t.flush(ctx)
			return nil
		case <-tick.C:
			t.flush(ctx)
		}
	}
}

// flush writes the counts down; those that cannot be written are kept.
func (t *Trail) flush(ctx context.Context) {
	t.refused.mu.Lock()
	counts := t.refused.counts
	t.refused.counts = map[refusal]int64{}
	t.refused.mu.Unlock()
	failed := false
	for r, n := range counts {
		failed = failed || t.write(ctx, events.AuditReceived{Act: actRefused, Object: "token", Name: r.token, Decision: events.AuditDeny, Code: r.code, Count: n}) != nil
		if failed {
			t.refused.mu.Lock()
			t.refused.counts[r] += n
			t.refused.mu.Unlock()
		}
	}
}
