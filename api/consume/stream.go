package consume

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/api/problem"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/tables"
)

// sink is where a stream goes. Each call ends within the write timeout or
// fails, which cuts the stream: what the reader has is a position to resume at.
type sink interface {
	event(at kafka.Position, e events.Envelope) error
	fault(at kafka.Position, code string) error // one event that may not leave, or does not decode
	reset(at kafka.Position) error              // the position that was asked for is gone; it goes on here
	beat(at kafka.Position) error
	flush() error
	hurry() // the stream ends: what is being written is cut soon
}

// start says where a stream begins.
type start struct {
	latest bool
	at     *kafka.Position // nil: at the start of the log
}

const streamRecords = 100 // of one turn

// stream writes a subscription's copies to a sink until ctx ends, the sink
// fails, or the grant ends. The problem says why; nil where the reader left.
func (d *Door) stream(ctx context.Context, g *grant, s tables.Subscription, from start, out sink) *problem.Problem {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		end(g.watch(ctx))
		out.hurry() // never after the handler has returned
	}()
	defer func() { end(nil); <-watched }()
	err := d.run(ctx, g, s, from, out)
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if errors.Is(err, errSink) {
		return nil
	}
	return problemOf(err)
}

// watch returns when the grant ends, or ctx does.
func (g *grant) watch(ctx context.Context) error {
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	for {
		changed := g.rules.Changed()
		if _, p := g.now(); p != nil {
			return p
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// errSink says that the reader is gone, or too slow.
var errSink = errors.New("the reader does not take the stream")

func sunk(err error) error {
	if err != nil {
		return errors.Join(errSink, err)
	}
	return nil
}

func (d *Door) run(ctx context.Context, g *grant, s tables.Subscription, from start, out sink) error {
	at, reset, err := d.begin(ctx, s, from)
	if err != nil {
		return err
	}
	reader, err := d.copies.Stream(ctx, s.Topic(), at)
	if err != nil {
		return err
	}
	defer reader.Close()
	if reset {
		err = out.reset(at)
	} else {
		err = out.beat(at) // the headers go out, and the reader has a position
	}
	if err := errors.Join(err, out.flush()); err != nil {
		return sunk(err)
	}
	until := time.Now().Add(d.limits.Age)
	for time.Now().Before(until) {
		turn, cancel := context.WithTimeout(ctx, min(d.limits.Heartbeat, time.Until(until)))
		copies, err := reader.Next(turn, streamRecords)
		cancel()
		if sent := send(g, at, copies, out); sent != nil {
			return sent
		}
		at = reader.Position()
		if err == nil && len(copies) == 0 && ctx.Err() == nil {
			err = sunk(errors.Join(out.beat(at), out.flush()))
		}
		if err != nil || ctx.Err() != nil {
			return err
		}
	}
	return reconnect()
}

func reconnect() *problem.Problem {
	return later("RECONNECT", "the stream is as old as one may become, or the worker stops; resume it")
}

// counted counts what a sink takes.
type counted struct {
	sink
	prometheus.Counter
}

func (c counted) event(at kafka.Position, e events.Envelope) error {
	c.Inc()
	return c.sink.event(at, e)
}

// send writes copies, each masked with the rules of that moment, and moves at
// past each. Those of types that the token may not get are passed over.
func send(g *grant, at kafka.Position, copies []kafka.Copy, out sink) error {
	for _, c := range copies {
		r, p := g.now()
		if p == nil {
			p = g.seen.under(r)
		}
		if p != nil {
			return p
		}
		at.Next[c.Partition] = c.Offset + 1
		if c.Fault != nil {
			if err := out.fault(at, codeOf(c.Fault)); err != nil {
				return sunk(err)
			}
			continue
		}
		e, err := g.show(r, c)
		switch {
		case errors.Is(err, errBarred):
			continue
		case err != nil:
			err = out.fault(at, codeOf(err))
		default:
			err = out.event(at, e)
			g.seen.sent()
		}
		if err != nil {
			return sunk(err)
		}
	}
	if len(copies) == 0 {
		return nil
	}
	return sunk(out.flush())
}

// codeOf is the reason code of a fault.
func codeOf(err error) string {
	var f interface{ Code() string }
	if errors.As(err, &f) {
		return f.Code()
	}
	return "UNDECODABLE"
}

// begin finds where a stream begins. A position that the log no longer holds,
// or that is of another topic of that name, is reset to the log's start.
func (d *Door) begin(ctx context.Context, s tables.Subscription, from start) (at kafka.Position, reset bool, err error) {
	b, err := d.copies.Bounds(ctx, s.Topic())
	if err != nil {
		return at, false, err
	}
	switch {
	case from.latest:
		return b.End, false, nil
	case from.at == nil:
		return b.Start, false, nil
	case from.at.Topic != b.Start.Topic:
		return b.Start, true, nil
	}
	at = b.Start
	for p, o := range from.at.Next {
		first, ok := b.Start.Next[p]
		if !ok {
			return at, false, problem.New(http.StatusUnprocessableEntity, "INVALID_POSITION", "the position names a partition that the topic does not have")
		}
		reset = reset || o < first || o > b.End.Next[p]
	}
	if reset {
		return b.Start, true, nil
	}
	for p, o := range from.at.Next {
		at.Next[p] = o
	}
	return at, false, nil
}
