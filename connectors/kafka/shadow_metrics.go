package kafka

import (
	"github.com/prometheus/client_golang/prometheus"

	"payerflow/processors"
)

// maxShadows bounds the names that are labels; what is beyond counts under one.
const maxShadows = 100

// ShadowMetrics shows what rows in shadow mode count on this worker.
type ShadowMetrics struct {
	Rules  *Control
	Counts *processors.ShadowCounts
}

var shadowEvents = prometheus.NewDesc("payerflow_shadow_events_total",
	"Events by what a rule or subscription in shadow mode said of them, since it was last written; the first 100 by name, others under ~other.", []string{"kind", "name", "outcome"}, nil)

// Describe names the one metric.
func (m ShadowMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- shadowEvents }

// Collect reads the counts as they are now.
func (m ShadowMetrics) Collect(ch chan<- prometheus.Metric) {
	type series struct{ kind, name, outcome string }
	sums := map[series]int64{}
	for i, c := range m.Counts.Of(m.Rules.current.Load().rules) {
		kind, name := c.Kind, c.Name
		if i >= maxShadows {
			kind, name = "~other", "~other"
		}
		sums[series{kind, name, "would"}] += c.Would
		sums[series{kind, name, "already"}] += c.Already
		sums[series{kind, name, "failed"}] += c.Failed
	}
	for s, n := range sums {
		ch <- prometheus.MustNewConstMetric(shadowEvents, prometheus.CounterValue, float64(n), s.kind, s.name, s.outcome)
	}
}
