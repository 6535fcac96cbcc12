package engine

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector shows what the engine has at the moment that it is asked: what it
// gives back is gone with the next answer.
type collector struct{ e *Engine }

func described(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("payerflow_"+name, help, labels, nil)
}

var (
	lagRecords  = described("group_lag_records", "Records between a group's position and the end of its input, when last compared.", "group", "topic", "partition")
	lagSeconds  = described("group_lag_seconds", "Time since a group was last at the end of its input; 0 where it is.", "group", "topic", "partition")
	inputs      = described("group_input_partitions", "Input partitions that a group is assigned here.", "group")
	running     = described("group_running", "1 while a group folds here, 0 while it waits for partitions or restores them.", "group")
	restoring   = described("restore_remaining_records", "Changelog records that the restore of a table partition has yet to read; nothing is restored where this is missing.", "group", "partition")
	tableRows   = described("table_rows", "Rows of a table partition that is here; role: owner folds it, standby follows it.", "group", "partition", "role")
	tableBytes  = described("table_bytes", "Size of a table's local files.", "group")
	tableLive   = described("table_live_bytes", "How much of a table's local files is rows in force.", "group")
	timers      = described("timers_pending", "Rows of a table partition that wait for a time.", "group", "partition")
	timersLate  = described("timers_overdue_seconds", "How long ago the first row of a table partition wanted to be woken; 0 where none is due.", "group", "partition")
	viewAge     = described("view_age_seconds", "How long ago the inputs of a view's partitions here were last all folded to their ends; only of the version that is live.", "view", "group")
	viewUnknown = described("view_unknown", "1 while a live view's partitions here have not been at the ends of their inputs since they came here.", "view", "group")
	foldChanged = described("fold_changed", "1 where a group's table was begun with another fold than this worker's; see payerflow topology check --deployed.", "group")
)

// Describe names what there is.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lagRecords, lagSeconds, inputs, running, restoring, tableRows, tableBytes, tableLive, timers, timersLate, viewAge, viewUnknown, foldChanged} {
		to <- d
	}
}

// Collect reads the figures as they are now.
func (c collector) Collect(to chan<- prometheus.Metric) {
	now := time.Now()
	for _, g := range c.e.groups {
		for _, p := range g.processors() {
			p.collect(to, now)
		}
		g.collectView(to, now)
		changed := 0.0
		if g.foldChanged() {
			changed = 1
		}
		gauge(to, foldChanged, changed, g.Name)
	}
}

func gauge(to chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (p *processor) collect(to chan<- prometheus.Metric, now time.Time) {
	assigned, runs := p.positions.assigned()
	for _, in := range p.positions.inputs() {
		at := topicPartition{in.Topic, in.Partition}
		age, compared := p.positions.behind(at, now)
		if partition := number(in.Partition); compared {
			gauge(to, lagRecords, float64(in.Lag), p.name, in.Topic, partition)
			gauge(to, lagSeconds, age.Seconds(), p.name, in.Topic, partition)
		}
	}
	gauge(to, inputs, float64(len(assigned)), p.name)
	gauge(to, running, one(runs), p.name)
	for partition, left := range p.restores.left() {
		gauge(to, restoring, float64(left), p.name, number(partition))
	}
	p.collectTable(to, now)
}

func (p *processor) collectTable(to chan<- prometheus.Metric, now time.Time) {
	log := p.ownLog()
	if log == nil {
		return
	}
	size, live := log.Bytes()
	gauge(to, tableBytes, float64(size), p.name)
	gauge(to, tableLive, float64(live), p.name)
	for n := range int32(p.g.Table.Partitions) {
		st := p.g.e.state.opened(p.table(), n)
		if st == nil {
			continue
		}
		role := "owner"
		if st.standby {
			role = "standby"
		}
		gauge(to, tableRows, float64(log.Rows(n)), p.name, number(n), role)
		if p.g.Timer.Due == nil || st.standby {
			continue
		}
		gauge(to, timers, float64(st.waiting.Load()), p.name, number(n))
		late := 0.0
		if first := st.first.Load(); first != 0 {
			late = max(0, now.Sub(time.UnixMicro(first)).Seconds())
		}
		gauge(to, timersLate, late, p.name, number(n))
	}
}

func (g *group) collectView(to chan<- prometheus.Metric, now time.Time) {
	if g.View.Name == "" || !g.e.versions.now().Live(g.View.Name, g.Name, g.Shadows) {
		return
	}
	if assigned, _ := g.folding.positions.assigned(); len(assigned) == 0 {
		return
	}
	age, known := g.folding.positions.sinceAll(now)
	gauge(to, viewUnknown, one(!known), g.View.Name, g.Name)
	if known {
		gauge(to, viewAge, age.Seconds(), g.View.Name, g.Name)
	}
}

func number(n int32) string { return strconv.Itoa(int(n)) }

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
