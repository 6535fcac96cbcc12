package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// DLQGauge tells how much waits in dead letter topics.
type DLQGauge struct {
	Brokers []string
	Schemas topology.Schemas
	Options []kgo.Opt
	Every   time.Duration // 0: 15 seconds

	records   *prometheus.GaugeVec
	client    *Client
	handled   topology.Serde[events.DeadLetterHandled]
	read      int64                      // of mediator.deadletter.handled
	positions map[string]map[int32]int64 // by topic and partition: handled up to
	shown     map[string]bool
}

const gaugeEvery = 15 * time.Second

// Register makes the gauge: offsets between what is handled and the end. It
// counts the marks of transactions too, and is 0 where all is handled.
func (g *DLQGauge) Register(reg prometheus.Registerer) {
	g.records = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "payerflow_dlq_records", Help: "Offsets of a dead letter topic after the position up to which all is redriven or dropped, at most the records that wait and one mark for each transaction.",
	}, []string{"topic"})
	reg.MustRegister(g.records)
	g.positions, g.shown = map[string]map[int32]int64{}, map[string]bool{}
}

// Run measures again and again until ctx ends. tell hears of measurements that
// failed; the next may succeed.
func (g *DLQGauge) Run(ctx context.Context, tell func(error)) {
	every := g.Every
	if every == 0 {
		every = gaugeEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		bounded, cancel := context.WithTimeout(ctx, max(every, askTimeout))
		if err := g.measure(bounded); err != nil && ctx.Err() == nil {
			tell(err)
		}
		cancel()
		select {
		case <-ctx.Done():
			if g.client != nil {
				g.client.Close()
			}
			return
		case <-tick.C:
		}
	}
}

func (g *DLQGauge) measure(ctx context.Context) (err error) {
	if g.client == nil {
		if g.handled, err = topologies.DeadLetterHandled.Codec.Bind(g.Schemas, handledTopic); err != nil {
			return fmt.Errorf("codec of %s: %w", handledTopic, err)
		}
		if g.client, err = Dial(ctx, g.Brokers, g.Options...); err != nil {
			return err
		}
	}
	if err := g.follow(ctx); err != nil {
		return err
	}
	topics, err := g.client.dlqs(ctx)
	if err != nil {
		return err
	}
	held, err := g.client.spans(ctx, time.Time{}, topics...)
	if err != nil {
		return err
	}
	for topic := range g.shown {
		if held[topic] == nil {
			g.records.DeleteLabelValues(topic)
			delete(g.shown, topic)
		}
	}
	for topic, partitions := range held {
		n := int64(0)
		for p, s := range partitions {
			n += max(0, s.to-max(s.from, g.positions[topic][p]))
		}
		g.shown[topic] = true
		g.records.WithLabelValues(topic).Set(float64(n))
	}
	return nil
}

// follow reads what has been handled since the last time.
func (g *DLQGauge) follow(ctx context.Context) error {
	todo, err := g.client.spans(ctx, time.Time{}, handledTopic)
	if err != nil {
		return err
	}
	s, ok := todo[handledTopic][0]
	if s.from = max(s.from, g.read); !ok || s.from >= s.to {
		return nil
	}
	todo[handledTopic][0] = s
	err = scanner{brokers: g.Brokers, opts: g.Options}.scan(ctx, todo, func(r *kgo.Record) error {
		e, err := g.handled.Decode(r.Value)
		if err != nil {
			return fmt.Errorf("%s/%d offset %d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		if g.positions[e.DLQ] == nil {
			g.positions[e.DLQ] = map[int32]int64{}
		}
		g.positions[e.DLQ][e.Partition] = max(g.positions[e.DLQ][e.Partition], e.Position)
		return nil
	})
	if err == nil {
		g.read = s.to
	}
	return err
}
