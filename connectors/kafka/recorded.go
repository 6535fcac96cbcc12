package kafka

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// Recorded are the events that the topics of the router's inputs hold.
type Recorded struct {
	Brokers []string
	Schemas topology.Schemas
	Options []kgo.Opt
}

const (
	tryBatch  = 256         // records that a goroutine takes at once
	firstLook = time.Minute // how far back the last events are looked for at first
	wider     = 4           // by what this grows
)

// Try routes recorded events in a dry run: at least the last ones by their time
// stamps, or with last 0 all since a time. It begins another where fewer lie in
// the time that was looked at. progress is told of records read, and to read.
func (r Recorded) Try(ctx context.Context, last int, since time.Time, begin func() *processors.DryRun, progress func(done, total int64)) (*processors.DryRun, error) {
	bound, err := topology.Bind(topologies.DryRun.Declare(), r.Schemas)
	if err != nil {
		return nil, err
	}
	c, err := Dial(ctx, r.Brokers, r.Options...)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	inputs, names := map[string]int{}, []string{}
	for i, in := range bound.Inputs {
		inputs[in.Topic.Name] = i
		names = append(names, in.Topic.Name)
	}
	all, err := c.spans(ctx, since, names...)
	if err != nil {
		return nil, err
	}
	for look := firstLook; ; look *= wider {
		todo := all
		if last > 0 && look < 100*365*24*time.Hour {
			if todo, err = c.spans(ctx, later(since, time.Now().Add(-look)), names...); err != nil {
				return nil, err
			}
			if todo.size() < int64(last) && todo.size() < all.size() {
				continue
			}
		}
		run := begin()
		if err := r.try(ctx, bound, inputs, todo, run, progress); err != nil {
			return nil, err
		}
		if last <= run.Events() || todo.size() >= all.size() {
			return run, nil
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// try decodes and routes in several goroutines: events do not depend on each
// other, but for those that come twice.
func (r Recorded) try(ctx context.Context, bound *topology.Bound, inputs map[string]int, todo spans, run *processors.DryRun, progress func(done, total int64)) error {
	g, ctx := errgroup.WithContext(ctx)
	batches := make(chan []*kgo.Record, 4)
	for range runtime.GOMAXPROCS(0) {
		t := trier{bound: bound, stepper: bound.Stepper(0), inputs: inputs, tally: run.Tally()}
		g.Go(func() error {
			for batch := range batches {
				if err := t.all(batch); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer close(batches)
		var batch []*kgo.Record
		send := func() error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case batches <- batch:
			}
			batch = nil
			return nil
		}
		total, done, told := todo.size(), int64(0), time.Now()
		scan := scanner{brokers: r.Brokers, opts: r.Options, passed: func(n int64) {
			if done += n; time.Since(told) > 100*time.Millisecond {
				told = time.Now()
				progress(done, total)
			}
		}}
		progress(0, total)
		err := scan.scan(ctx, todo, func(rec *kgo.Record) error {
			if batch = append(batch, rec); len(batch) < tryBatch {
				return nil
			}
			return send()
		})
		if err == nil && len(batch) > 0 {
			err = send()
		}
		progress(done, total)
		return err
	})
	return g.Wait()
}

// trier is one goroutine's way through the router's inputs.
type trier struct {
	bound   *topology.Bound
	stepper *topology.Stepper
	inputs  map[string]int
	tally   *processors.Tally
}

func (t trier) Join(string) any           { return nil }
func (t trier) Lookup(string, string) any { return nil }
func (t trier) Pinned() topology.Pinned   { return t.tally }
func (t trier) Row(string) any            { return nil }

func (t trier) Under(string, string, int) []topology.Sub { return nil }

func (t trier) all(batch []*kgo.Record) error {
	for _, r := range batch {
		in := t.inputs[r.Topic]
		raw := rawOf(r)
		if t.bound.Inputs[in].PassesBy(raw) {
			continue
		}
		// What the router would have parked, it delivered to nobody.
		_, err := t.stepper.Step(in, raw, r.Timestamp, func(string) (any, error) { return nil, nil }, t)
		if errors.Is(err, topology.ErrUnavailable) {
			return err
		}
	}
	return nil
}

func rawOf(r *kgo.Record) *topology.Raw {
	raw := &topology.Raw{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp}
	for _, h := range r.Headers {
		raw.Headers = append(raw.Headers, topology.Header{Key: h.Key, Value: h.Value})
	}
	return raw
}
