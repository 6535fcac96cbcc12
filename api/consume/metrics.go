package consume

import "github.com/prometheus/client_golang/prometheus"

// metrics count deliveries by way. No label names a key.
type metrics struct {
	delivered *prometheus.CounterVec
	again     prometheus.Counter
	streams   prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		delivered: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "payerflow_consume_delivered_total", Help: "Events given out, by way: pull, sse or grpc."}, []string{"way"}),
		again:     prometheus.NewCounter(prometheus.CounterOpts{Name: "payerflow_consume_redelivered_total", Help: "Events that a pull got which were delivered before."}),
		streams:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "payerflow_consume_streams", Help: "Streams that are open."}),
	}
	if r != nil {
		r.MustRegister(m.delivered, m.again, m.streams)
	}
	return m
}
