package main

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"payerflow/codecs"
	"payerflow/internal/engine"
	"payerflow/internal/topology"
)

// claims is the work in the product's own words.
func claims(id string) topology.Declared {
	return topology.Group[status]{
		Name: job{id: id}.group(),
		Rows: statusCodec,
		Inputs: topology.Inputs[status]{
			topology.Fold(submittedStream, fold[submitted]),
			topology.Fold(adjudicatedStream, fold[adjudicated]),
			topology.Fold(paidStream, fold[paid]),
			topology.Fold(resolvedStream, fold[resolved]),
		},
		View: topology.View{Name: "status", Key: "claimId", Topic: view(id)},
	}.Declare()
}

func fold[E fact](row status, rec topology.Record[E]) (status, []topology.Output) {
	seen()
	return apply(row, rec.Body), nil
}

func payerflowTopics(id string) []topology.Topic { return append(topicsOf(claims(id)), view(id)) }

// topicsOf are the topics that a group needs beside its inputs.
func topicsOf(d topology.Declared) []topology.Topic {
	topics := append(d.Topics(), topology.Members, topology.Versions)
	for _, in := range d.Inputs {
		topics = append(topics, in.Topic.DLQ())
	}
	return topics
}

// runPayerflow runs the engine as the worker does, with the worker's defaults.
func runPayerflow(ctx context.Context, j job) error {
	return runEngine(ctx, j, claims(j.id), &codecs.Memory{}, false)
}

// runAtLeastOnce is the same without transactions.
func runAtLeastOnce(ctx context.Context, j job) error {
	return runEngine(ctx, j, claims(j.id), &codecs.Memory{}, true)
}

func runEngine(ctx context.Context, j job, d topology.Declared, schemas topology.Schemas, atLeastOnce bool) error {
	debug.SetGCPercent(150) // as cmd/payerflow does
	e, err := engine.Open(engine.Config{
		Brokers: []string{broker}, DataDir: j.dir, AtLeastOnce: atLeastOnce,
		BatchRecords: 10_000, BatchInterval: 100 * time.Millisecond,
		SessionTimeout: 10 * time.Second, TransactionTimeout: 20 * time.Second, Freshness: 10 * time.Second,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}, []topology.Declared{d}, schemas)
	if err != nil {
		return err
	}
	if j.recover {
		go func() {
			for e.Ready() != nil && ctx.Err() == nil {
				time.Sleep(5 * time.Millisecond)
			}
			tell("recovered")
		}()
	}
	if err := e.Run(ctx); err != nil {
		return err
	}
	return e.Close()
}
