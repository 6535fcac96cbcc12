package intake

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/events"
)

// metrics are labelled by registered event types and our own codes. The type of
// an event that was refused may be anything: it is a label where it is
// registered and the sender may publish it.
type metrics struct {
	events *prometheus.CounterVec
	faults *prometheus.CounterVec
	commit prometheus.Histogram
}

// Outcomes of an event at the doors.
const (
	taken       = "taken"
	refusedHere = "refused"
	failed      = "unavailable"
	unknownType = "~unknown"
)

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "payerflow_intake_events_total",
			Help: "Events at the doors: taken, refused because of what they are, or unavailable: rules or broker were away, and the sender was told to try again. Type ~unknown: not registered, not the sender's to publish, or never looked at."},
			[]string{"type", "synthetic", "outcome"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "payerflow_intake_refused_events_total", Help: "Refused events by the code of their first fault."}, []string{"code"}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "payerflow_intake_commit_seconds", Help: "Time until the in-sync replicas had the accepted events of a request, or it was given up.",
			Buckets: prometheus.ExponentialBuckets(.001, 2, 14)}),
	}
	if reg != nil {
		reg.MustRegister(m.events, m.faults, m.commit)
	}
	return m
}

// decided counts the events of one request that were looked at.
func (m metrics) decided(rules Snapshot, e events.Envelope, o outcome) {
	name := unknownType
	if _, known := rules.EventType(string(e.Type)); known && (o.Problem == nil || o.Code != notPermitted) {
		name = string(e.Type)
	}
	outcome := taken
	switch {
	case o.Problem == nil:
	case o.RetryAfter > 0:
		outcome = failed
	default:
		outcome = refusedHere
		code := o.Code
		if len(o.Errors) > 0 {
			code = o.Errors[0].Code
		}
		m.faults.WithLabelValues(code).Inc()
	}
	m.events.WithLabelValues(name, strconv.FormatBool(e.Synthetic), outcome).Inc()
}

// undecided counts events that nobody could look at.
func (m metrics) undecided(n int) {
	m.events.WithLabelValues(unknownType, "false", failed).Add(float64(n))
}

func (m metrics) committed(began time.Time) { m.commit.Observe(time.Since(began).Seconds()) }
