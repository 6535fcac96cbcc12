package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/internal/engine"
	"payerflow/internal/topology"
)

// latency measures the time from the produce call of an event to its row in
// the view topic, as a consumer of committed records sees it.
func latency(ctx context.Context, args []string) {
	f := flag.NewFlagSet("latency", flag.ExitOnError)
	rate := f.Int("rate", 200, "events a second")
	lasts := f.Duration("for", 30*time.Second, "how long; of the first third nothing is counted")
	intervals := []time.Duration{20 * time.Millisecond, 100 * time.Millisecond}
	state := f.String("state", "", "directory for local state")
	must(f.Parse(args))
	fmt.Println("| batch interval | p50 ms | p90 ms | p99 ms | worst ms | CPU of one core |")
	fmt.Println("|---|---:|---:|---:|---:|---:|")
	for _, interval := range intervals {
		took, cpu := latencyAt(ctx, interval, *rate, *lasts, *state)
		at := func(share float64) float64 {
			return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
		}
		fmt.Printf("| %v | %.0f | %.0f | %.0f | %.0f | %.0f %% |\n", interval, at(0.5), at(0.9), at(0.99), at(1), 100*cpu)
	}
}

func latencyAt(ctx context.Context, interval time.Duration, rate int, lasts time.Duration, state string) (took []time.Duration, cpu float64) {
	id := fmt.Sprintf("latency.%d", time.Now().UnixNano())
	d := claims(id)
	c := newClient(kgo.ConsumeTopics(view(id).Name), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ProducerLinger(0))
	defer c.Close()
	a := kadm.NewClient(c)
	remove(ctx, a, func(string) bool { return false }) // old events would be folded first
	await(ctx, func() bool {                           // a topic that was just deleted may not be gone yet
		left, err := a.ListTopics(ctx)
		return err == nil && !slices.ContainsFunc(left.Names(), func(t string) bool { return strings.HasPrefix(t, prefix) })
	})
	topics := payerflowTopics(id)
	for _, f := range feeds {
		topics = append(topics, f.topic)
	}
	create(ctx, topics...)
	dir := filepath.Join(state, "work", id)
	e, err := engine.Open(engine.Config{
		Brokers: []string{broker}, DataDir: dir, BatchRecords: 10_000, BatchInterval: interval,
		SessionTimeout: 10 * time.Second, TransactionTimeout: 20 * time.Second, Freshness: 10 * time.Second,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}, []topology.Declared{d}, &codecs.Memory{})
	must(err)
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- e.Run(running) }()
	await(ctx, func() bool { return e.Ready() == nil })

	var mu sync.Mutex
	sent := map[string]time.Time{}
	n := int(lasts.Seconds() * float64(rate))
	before := cpuSeconds()
	began := time.Now()
	go func() {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for i := range n {
			<-tick.C
			claim, _, value, err := event(0, i)
			must(err)
			mu.Lock()
			sent[claim] = time.Now()
			mu.Unlock()
			c.Produce(ctx, &kgo.Record{Topic: submittedStream.Topic.Name, Key: []byte(claim), Value: value}, func(_ *kgo.Record, err error) { must(err) })
		}
	}()
	for len(took) < n {
		fetches := c.PollFetches(ctx)
		must(ctx.Err())
		now := time.Now()
		mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) { took = append(took, now.Sub(sent[string(r.Key)])) })
		mu.Unlock()
	}
	cpu = (cpuSeconds() - before) / time.Since(began).Seconds()
	stop()
	must(<-done)
	must(e.Close())
	must(os.RemoveAll(dir))
	remove(ctx, a, func(string) bool { return false })
	took = took[n/3:] // the broker is warm then
	slices.Sort(took)
	return took, cpu
}
