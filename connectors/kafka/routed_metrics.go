package kafka

import (
	"github.com/prometheus/client_golang/prometheus"

	"payerflow/processors"
)

// RoutedMetrics shows what routers on this worker did.
type RoutedMetrics struct{ Counts *processors.RoutedCounts }

var (
	routedEvents = prometheus.NewDesc("payerflow_mediator_events_total",
		"What became of events in the router, by event type: routed counts events; delivered, redacted and discarded count copies, one for each subscription. Redacted withheld something; discarded was synthetic and not wanted.",
		[]string{"type", "synthetic", "stage"}, nil)
	routedTags = prometheus.NewDesc("payerflow_mediator_tagged_events_total",
		"The same of real events by tag: one that the event type registers, ~other for others, ~untagged for none. An event counts under each of its tags.",
		[]string{"type", "tag", "stage"}, nil)
	routedWaits = prometheus.NewDesc("payerflow_mediator_wait_seconds",
		"Time of real events from the door until the router took them up, by event type.", []string{"type"}, nil)
)

// Describe names what there is.
func (m RoutedMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- routedEvents
	ch <- routedTags
	ch <- routedWaits
}

// Collect reads the counts as they are now.
func (m RoutedMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.Counts.All() {
		tellStages(ch, routedEvents, c.Real, c.Type, "false")
		tellStages(ch, routedEvents, c.Synthetic, c.Type, "true")
		for tag, n := range c.Tags {
			tellStages(ch, routedTags, n, c.Type, tag)
		}
		buckets, all := map[float64]uint64{}, uint64(0)
		for i, n := range c.Waits {
			if all += uint64(n); i < len(processors.WaitBounds) {
				buckets[processors.WaitBounds[i].Seconds()] = all
			}
		}
		ch <- prometheus.MustNewConstHistogram(routedWaits, all, c.Waited.Seconds(), buckets, c.Type)
	}
}

func tellStages(ch chan<- prometheus.Metric, d *prometheus.Desc, n processors.RoutedStages, labels ...string) {
	for stage, count := range map[string]int64{"routed": n.Routed, "delivered": n.Delivered, "redacted": n.Redacted, "discarded": n.Discarded} {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(count), append(labels[:len(labels):len(labels)], stage)...)
	}
}
