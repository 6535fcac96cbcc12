package audit

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	took    prometheus.Histogram
	failed  prometheus.Counter
	refused *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		took: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "payerflow_audit_write_seconds", Help: "Time until an audit record was acknowledged, or given up",
			Buckets: []float64{.001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 2}}),
		failed:  prometheus.NewCounter(prometheus.CounterOpts{Name: "payerflow_audit_failed_total", Help: "Audit records that could not be written in time"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "payerflow_audit_refused_tokens_total", Help: "Requests whose token was refused, by code"}, []string{"code"}),
	}
	if reg != nil {
		reg.MustRegister(m.took, m.failed, m.refused)
	}
	return m
}
