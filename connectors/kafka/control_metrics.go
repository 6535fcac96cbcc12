package kafka

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/processors"
)

// controlMetrics count what the tail sees. No row's name is a label.
type controlMetrics struct{ applied, refused, undecodable prometheus.Counter }

func newControlMetrics(r prometheus.Registerer, c *Control) controlMetrics {
	changes := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "payerflow_rules_changes_total",
		Help: "Control events that were folded, by what became of them."}, []string{"outcome"})
	if r != nil {
		r.MustRegister(changes,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "payerflow_rules_offset", Help: "Next offset of mediator.control: the version of all rules."},
				func() float64 { return float64(c.current.Load().rules.Offset()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "payerflow_rules_age_seconds", Help: "How long ago the rules were last seen to be all there are; beyond 5 nothing is routed and doors answer 503."},
				func() float64 { return c.end.age(time.Now()).Seconds() }))
	}
	return controlMetrics{changes.WithLabelValues("applied"), changes.WithLabelValues("refused"), changes.WithLabelValues("undecodable")}
}

func (m controlMetrics) count(outcomes []processors.Outcome) {
	for _, o := range outcomes {
		if o.Applied {
			m.applied.Inc()
		} else {
			m.refused.Inc()
		}
	}
}
