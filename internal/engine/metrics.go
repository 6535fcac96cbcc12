package engine

import "github.com/prometheus/client_golang/prometheus"

// metrics are labelled by group, topic, reason code and outcome: bounded sets
// that come from declarations, never from records.
type metrics struct {
	records      *prometheus.CounterVec
	parked       *prometheus.CounterVec
	dropped      *prometheus.CounterVec
	transactions *prometheus.CounterVec
	commit       *prometheus.HistogramVec
	restarts     *prometheus.CounterVec
	holds        *prometheus.CounterVec
	effects      *prometheus.CounterVec
	fold         *prometheus.HistogramVec
	heldBack     *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "payerflow_records_total", Help: "Input records by what became of them: folded, parked, repartitioned or passed by.",
		}, []string{"group", "topic", "outcome"}),
		parked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "payerflow_parked_records_total", Help: "Records sent to a dead letter topic, by reason code.",
		}, []string{"group", "topic", "reason"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "payerflow_dropped_records_total", Help: "Records that the rules take no notice of, by reason code, such as DUPLICATE.",
		}, []string{"group", "topic", "reason"}),
		transactions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "payerflow_transactions_total", Help: "Kafka transactions by outcome: committed or aborted.",
		}, []string{"group", "outcome"}),
		commit: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "payerflow_transaction_end_seconds", Help: "Time to end a transaction and commit the local state.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 12),
		}, []string{"group"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "payerflow_group_restarts_total", Help: "Times that a processor was rebuilt after an error.",
		}, []string{"group"}),
		holds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "payerflow_input_holds_total", Help: "Times that an input partition was paused because something outside was away.",
		}, []string{"group", "topic"}),
		effects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "payerflow_effects_total", Help: "Effects outside, by what came of each try: done or failed.",
		}, []string{"group", "outcome"}),
		fold: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "payerflow_transaction_fold_seconds", Help: "Time from the begin of a transaction until all its records were folded, waiting for more records included.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 12),
		}, []string{"group"}),
		heldBack: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "payerflow_held_back_outputs_total", Help: "Outputs that a version of a view did not write because another one speaks.",
		}, []string{"group"}),
	}
	if reg != nil {
		reg.MustRegister(m.records, m.parked, m.dropped, m.transactions, m.commit, m.restarts, m.holds, m.effects, m.fold, m.heldBack)
	}
	return m
}
