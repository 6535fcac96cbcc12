package main

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
)

// watchDLQs measures dead letter topics, and calls who wants to know that one
// grows. What fails there is logged and ends nothing.
func (a *app) watchDLQs(brokers []string, client []kafka.Option, schemas topology.Schemas, metrics prometheus.Registerer) func(context.Context) {
	gauge := &kafka.DLQGauge{Brokers: brokers, Schemas: schemas, Options: client}
	gauge.Register(metrics)
	tell := func(err error) { a.log.Warn("dead letter topics", "error", err) }
	return func(ctx context.Context) {
		var wg sync.WaitGroup
		wg.Go(func() { gauge.Run(ctx, tell) })
		if c := a.cfg.DLQ.Alert; c.URL != "" {
			alert := &kafka.DLQAlert{Brokers: brokers, Options: client, URL: c.URL, Interval: c.Interval}
			wg.Go(func() {
				if err := alert.Run(ctx, tell); err != nil {
					tell(err)
				}
			})
		}
		wg.Wait()
	}
}
