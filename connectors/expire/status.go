package expire

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// States of a worker's expirer.
const (
	standsBy = "standby" // another worker expires
	expires  = "expiring"
	waits    = "waiting" // nothing expires
)

// ExpiryStatus is how one worker's expirer stands.
type ExpiryStatus struct {
	State   string     `json:"state" enum:"standby,expiring,waiting" doc:"standby: another worker expires; waiting: nothing expires, because the store or the brokers do not answer"`
	Last    *time.Time `json:"last,omitempty" doc:"When it looked at all partitions last"`
	Deleted int64      `json:"deleted" doc:"Records that topics have forgotten since the worker started"`
	Overdue float64    `json:"overdueSeconds" doc:"How much longer than its days the oldest record that cannot expire yet has been kept"`
	Room    *float64   `json:"roomSeconds,omitempty" doc:"How long the brokers' disks last if nothing expires, at the rate of the last hour; absent where nothing grows"`
	Error   string     `json:"error,omitempty" doc:"Why nothing expires"`
}

// Status is how it stands now.
func (x *Expirer) Status() ExpiryStatus {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := x.status
	if !x.leads.Load() {
		out.State, out.Overdue, out.Room, out.Error = standsBy, 0, nil, ""
	}
	return out
}

// ended notes how a pass ended.
func (x *Expirer) ended(p *pass, err error) {
	room, known := x.room.left(p)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status.Deleted += p.deleted
	if x.status.Room = nil; known {
		x.status.Room = &room
	}
	if err != nil {
		if x.status.State != waits {
			x.Log.Warn("nothing expires", "error", err)
		}
		x.status.State, x.status.Error = waits, err.Error()
		if x.status.Last != nil { // what was overdue gets older
			x.status.Overdue = max(x.status.Overdue, p.now.Sub(*x.status.Last).Seconds())
		}
		return
	}
	if x.status.State == waits {
		x.Log.Info("records expire again")
	}
	x.status.State, x.status.Error, x.status.Last, x.status.Overdue = expires, "", &p.now, 0
	for _, by := range p.overdue {
		x.status.Overdue = max(x.status.Overdue, by.Seconds())
	}
}

// metrics are those of the worker that expires; the others show none but the
// counter.
type metrics struct{ x *Expirer }

var (
	deletedDesc = prometheus.NewDesc("payerflow_expiry_records_total", "Records that topics have forgotten, because they were old and the event store holds them.", nil, nil)
	overdueDesc = prometheus.NewDesc("payerflow_expiry_overdue_seconds", "How much longer than its days the oldest record that cannot expire yet has been kept.", nil, nil)
	waitsDesc   = prometheus.NewDesc("payerflow_expiry_waiting", "1 while nothing expires, because the event store or the brokers do not answer.", nil, nil)
	roomDesc    = prometheus.NewDesc("payerflow_expiry_room_seconds", "How long the brokers' disks last while nothing expires, at the rate of the last hour.", nil, nil)
)

// Describe names them.
func (metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{deletedDesc, overdueDesc, waitsDesc, roomDesc} {
		to <- d
	}
}

// Collect gives their values.
func (m metrics) Collect(to chan<- prometheus.Metric) {
	s := m.x.Status()
	to <- prometheus.MustNewConstMetric(deletedDesc, prometheus.CounterValue, float64(s.Deleted))
	if s.State == standsBy {
		return
	}
	waiting := 0.0
	if s.State == waits {
		waiting = 1
	}
	to <- prometheus.MustNewConstMetric(waitsDesc, prometheus.GaugeValue, waiting)
	to <- prometheus.MustNewConstMetric(overdueDesc, prometheus.GaugeValue, s.Overdue)
	if s.Room != nil {
		to <- prometheus.MustNewConstMetric(roomDesc, prometheus.GaugeValue, *s.Room)
	}
}
