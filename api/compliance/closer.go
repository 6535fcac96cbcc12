package compliance

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/api/audit"
	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// Closer ends what was opened for a time, when the time is over. All workers
// have one; the first that writes the end writes it down.
type Closer struct {
	log   audit.Rules
	trail *audit.Trail
	out   *slog.Logger
}

// closeEvery is how often a closer looks.
const closeEvery = time.Second

// NewCloser makes one. reg may be nil.
func NewCloser(log audit.Rules, trail *audit.Trail, out *slog.Logger, reg prometheus.Registerer) *Closer {
	if reg != nil {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "payerflow_break_glass_open", Help: "Glasses that are broken now, of all workers together"}, func() float64 {
			rules, err := log.Rules()
			if err != nil {
				return 0
			}
			n := 0
			for _, b := range rules.BreakGlasses() {
				if b.Open(time.Now()) {
					n++
				}
			}
			return float64(n)
		}))
	}
	return &Closer{log, trail, out}
}

// Run closes until ctx ends.
func (c *Closer) Run(ctx context.Context) error {
	tick := time.NewTicker(closeEvery)
	defer tick.Stop()
	var unwritten []tables.BreakGlass // closed by this one
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if rules, err := c.log.Rules(); err == nil {
			unwritten = append(unwritten, c.closed(ctx, rules)...)
		}
		for len(unwritten) > 0 && c.written(ctx, unwritten[0]) {
			unwritten = unwritten[1:]
		}
	}
}

func (c *Closer) closed(ctx context.Context, rules *processors.Rules) (done []tables.BreakGlass) {
	for _, b := range rules.BreakGlasses() {
		if b.Open(time.Now()) {
			continue
		}
		o, err := c.log.Change(ctx, closing(rules, b, b.Token, over))
		if err != nil && ctx.Err() == nil {
			c.out.Warn("a broken glass is not closed in the log yet; nobody sees through it", "error", err)
		}
		if err == nil && o.Applied {
			done = append(done, b)
		}
	}
	return done
}

const over = "its time is over"

func (c *Closer) written(ctx context.Context, b tables.BreakGlass) bool {
	return c.trail.Write(ctx, events.AuditReceived{Actor: b.Token, Team: b.Team, Act: tables.KindBreakGlass + ".close", Object: tables.KindBreakGlass, Name: b.ID,
		Decision: events.AuditAllow, Why: over, Breaking: true}) == nil
}
