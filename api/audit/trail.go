// Package audit answers: what was asked of the doors and shown by them, and is
// that written down before anything leaves?
package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
)

// Log keeps audit records. Write returns nil once every in-sync replica has
// the record, and within 2 s.
type Log interface {
	Write(ctx context.Context, e events.AuditReceived) error
}

// Trail writes down what doors are asked and what they show.
type Trail struct {
	log     Log
	keys    processors.AuditKeys
	logger  *slog.Logger
	metrics metrics
	refused refusals
}

// New makes a trail. metrics may be nil. Run writes down refused tokens.
func New(log Log, keys processors.AuditKeys, logger *slog.Logger, reg prometheus.Registerer) *Trail {
	return &Trail{log: log, keys: keys, logger: logger, metrics: newMetrics(reg), refused: newRefusals()}
}

// Who asks.
type Who struct {
	Actor string // id of the token, or the principal
	Team  string
}

// Unavailable is the answer where something cannot be written down.
func Unavailable() *problem.Problem {
	p := problem.New(http.StatusServiceUnavailable, "AUDIT_UNAVAILABLE", "what is asked for is shown or done only when it can be written to the audit, and that cannot be done now; try again")
	p.RetryAfter = 1
	return p
}

// Hash stands for an entity's key in the audit.
func (t *Trail) Hash(key string) string { return t.keys.Hash(key) }

// Write writes down what no request asked for.
func (t *Trail) Write(ctx context.Context, e events.AuditReceived) error { return t.write(ctx, e) }

// write completes a record and writes it down.
func (t *Trail) write(ctx context.Context, e events.AuditReceived) error {
	e.ID = strings.ToLower(rand.Text())
	if e.At == 0 {
		e.At = events.InstantOf(time.Now())
	}
	began := time.Now()
	err := t.log.Write(context.WithoutCancel(ctx), e)
	t.metrics.took.Observe(time.Since(began).Seconds())
	if err != nil {
		t.metrics.failed.Inc()
		t.logger.Warn("an audit record is not written", "act", e.Act, "error", err)
		if !errors.Is(err, topology.ErrUnavailable) {
			t.logger.Error("an audit record cannot be written at all", "act", e.Act, "error", err)
		}
	}
	return err
}

// Sorted are classes as a record names them.
func sortedClasses(classes []string) string {
	classes = slices.Clone(classes)
	slices.Sort(classes)
	return strings.Join(slices.Compact(classes), ",")
}
