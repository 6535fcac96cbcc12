package peers

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/internal/topology"
)

// metrics are labelled by view and outcome: bounded sets.
type metrics struct {
	hops *prometheus.HistogramVec
	wait *prometheus.HistogramVec
}

var buckets = []float64{.0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		hops: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "payerflow_peer_hop_seconds",
			Help: "Time that another worker took to answer for a partition of a view, by what came of it.", Buckets: buckets}, []string{"view", "outcome"}),
		wait: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "payerflow_position_wait_seconds",
			Help: "Time that readers waited for min_position to come to the group of a view, by what came of it.", Buckets: buckets}, []string{"view", "outcome"}),
	}
	if reg != nil {
		reg.MustRegister(m.hops, m.wait)
	}
	return m
}

func (m *metrics) hop(view string, began time.Time, err error) {
	m.hops.WithLabelValues(view, outcome(err)).Observe(time.Since(began).Seconds())
}

func (m *metrics) waited(view string, began time.Time, err error) {
	m.wait.WithLabelValues(view, outcome(err)).Observe(time.Since(began).Seconds())
}

func outcome(err error) string {
	names := map[error]string{topology.ErrElsewhere: "elsewhere", topology.ErrRestoring: "restoring", topology.ErrTooStale: "too-stale",
		topology.ErrNotReached: "not-reached", topology.ErrUnavailable: "unavailable"}
	for known, name := range names {
		if errors.Is(err, known) {
			return name
		}
	}
	if err != nil {
		return "failed"
	}
	return "answered"
}
