package hydrate

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/store"
)

// SinkStatus is how one worker's sink stands.
type SinkStatus struct {
	State    string     `json:"state" enum:"starting,storing,waiting" doc:"waiting: the store, the registry or the brokers do not answer"`
	Behind   int64      `json:"behind" doc:"Offsets that this worker's partitions hold, and the store does not yet"`
	Oldest   *time.Time `json:"oldest,omitempty" doc:"Time stamp of the oldest record that waits to be stored"`
	Stored   int64      `json:"stored" doc:"Records since the worker started"`
	Known    int64      `json:"known" doc:"Of these, those that the store held already"`
	LastTime *time.Time `json:"last,omitempty" doc:"When it stored something last"`
	Error    string     `json:"error,omitempty" doc:"Why it waits"`

	ends map[string]map[int32][2]int64 // position and last stable offset
}

// Status is how it stands now.
func (s *Sink) Status() SinkStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.status
	if out.State == "" {
		out.State = "starting"
	}
	for _, ps := range out.ends {
		for _, p := range ps {
			out.Behind += max(0, p[1]-p[0])
		}
	}
	out.ends = nil
	return out
}

// held notes where partitions end.
func (s *Sink) held(fetches kgo.Fetches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.ends == nil {
		s.status.ends = map[string]map[int32][2]int64{}
	}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err != nil {
			return
		}
		if s.status.ends[p.Topic] == nil {
			s.status.ends[p.Topic] = map[int32][2]int64{}
		}
		at, known := s.status.ends[p.Topic][p.Partition]
		switch {
		case len(p.Records) > 0:
			at[0] = p.Records[0].Offset
		case !known:
			at[0] = p.LastStableOffset // it is at the end
		}
		at[1] = p.LastStableOffset
		s.status.ends[p.Topic][p.Partition] = at
	})
}

// outcome notes what became of a batch.
func (s *Sink) outcome(records []*kgo.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		if s.status.State != "waiting" {
			s.log.Warn("the event store waits", "error", err)
		}
		s.status.State, s.status.Error = "waiting", err.Error()
		for _, r := range records {
			if s.status.Oldest == nil || r.Timestamp.Before(*s.status.Oldest) {
				at := r.Timestamp.UTC()
				s.status.Oldest = &at
			}
		}
		return
	}
	if s.status.State == "waiting" {
		s.log.Info("the event store goes on")
	}
	now := time.Now().UTC()
	s.status.State, s.status.Error, s.status.Oldest, s.status.LastTime = "storing", "", nil, &now
	for _, r := range records {
		if at, ok := s.status.ends[r.Topic][r.Partition]; ok {
			at[0] = max(at[0], r.Offset+1)
			s.status.ends[r.Topic][r.Partition] = at
		}
	}
}

// metrics are what is measured of a sink.
type metrics struct {
	sink   *Sink
	behind *prometheus.Desc
	late   *prometheus.Desc
	away   *prometheus.Desc
	stored *prometheus.Desc
}

func newMetrics(s *Sink, reg prometheus.Registerer) *metrics {
	m := &metrics{sink: s,
		behind: prometheus.NewDesc("payerflow_store_behind_offsets", "Offsets that this worker's partitions hold, and the event store does not yet.", nil, nil),
		late:   prometheus.NewDesc("payerflow_store_behind_seconds", "Age of the oldest record that waits because the event store does not take it; 0 when none does.", nil, nil),
		away:   prometheus.NewDesc("payerflow_store_away", "1 while the event store, or what its sink needs, does not answer.", nil, nil),
		stored: prometheus.NewDesc("payerflow_store_records_total", "Records that went to the event store; known: it held them already.", []string{"state"}, nil)}
	if reg != nil {
		reg.MustRegister(m)
	}
	return m
}

func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.behind, m.late, m.away, m.stored} {
		to <- d
	}
}

func (m *metrics) Collect(to chan<- prometheus.Metric) {
	s, late, away := m.sink.Status(), 0.0, 0.0
	if s.Oldest != nil {
		late = time.Since(*s.Oldest).Seconds()
	}
	if s.State == "waiting" {
		away = 1
	}
	to <- prometheus.MustNewConstMetric(m.behind, prometheus.GaugeValue, float64(s.Behind))
	to <- prometheus.MustNewConstMetric(m.late, prometheus.GaugeValue, late)
	to <- prometheus.MustNewConstMetric(m.away, prometheus.GaugeValue, away)
	to <- prometheus.MustNewConstMetric(m.stored, prometheus.CounterValue, float64(s.Stored-s.Known), "new")
	to <- prometheus.MustNewConstMetric(m.stored, prometheus.CounterValue, float64(s.Known), "known")
}

func (m *metrics) wrote(w store.Written) {
	m.sink.mu.Lock()
	defer m.sink.mu.Unlock()
	m.sink.status.Stored += int64(w.New + w.Known)
	m.sink.status.Known += int64(w.Known)
}
