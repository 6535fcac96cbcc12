package intake

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/codecs"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/topology"
)

// Publisher commits envelopes: connectors/kafka.Firehose.
type Publisher interface {
	Publish(ctx context.Context, es []events.Envelope) []kafka.Placed
}

// Options are what the doors need. Zero bounds stand for the defaults.
type Options struct {
	Rules    func() (Snapshot, error) // an error: the rules are not fresh, and nothing is taken
	Firehose Publisher
	Clock    func() time.Time      // nil: the wall clock
	Wait     time.Duration         // longest wait for the broker, 10 s
	Patience time.Duration         // longest time for a sender's request, and between two events of a stream, 30 s
	Requests int                   // requests in flight beyond which a door answers 429, 1024
	Bytes    int64                 // the same for bytes, 64 MiB
	Traces   trace.TracerProvider  // nil: none
	Metrics  prometheus.Registerer // nil: nobody counts
	Log      *slog.Logger          // hears why the broker took nothing, once a second at most; nil: nobody
}

// Limits of one request. docs/intake.md names them.
const (
	MaxBytes  = 1 << 20 // of a request, after decompression
	MaxEvents = 1000    // of a batch

	defaultWait     = 10 * time.Second
	defaultPatience = 30 * time.Second
	defaultRequests = 1024
	defaultBytes    = 64 << 20
	retrySoon       = 1 // seconds
	retryLater      = 5
)

// door is what all doors share.
type door struct {
	Options
	flight *flight
	counts metrics
	tracer trace.Tracer // nil: none
	told   atomic.Int64 // when Log last heard something
}

func newDoor(o Options) *door {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Wait == 0 {
		o.Wait = defaultWait
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if o.Requests == 0 {
		o.Requests = defaultRequests
	}
	if o.Bytes == 0 {
		o.Bytes = defaultBytes
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &door{Options: o, flight: newFlight(o.Requests, o.Bytes), counts: newMetrics(o.Metrics)}
	if o.Traces != nil {
		d.tracer = o.Traces.Tracer("payerflow/api/intake")
	}
	return d
}

// outcome is what became of one candidate: a place, or a problem.
type outcome struct {
	id         string
	deprecated bool
	placed     kafka.Coordinates
	*problem.Problem
}

// take decides about candidates and commits those that are accepted, in one
// go and in order. The problem is of all of them: nothing was tried.
func (d *door) take(ctx context.Context, cs []*candidate) ([]outcome, *problem.Problem) {
	p, ok := access.From(ctx)
	if !ok {
		return nil, problem.New(http.StatusUnauthorized, "UNAUTHENTICATED", "send a token: Authorization: Bearer pf_…")
	}
	if ctx.Err() != nil { // also where a token ended while a stream was open
		return nil, problem.New(http.StatusUnauthorized, "UNAUTHENTICATED", "the request or its token has ended")
	}
	rules, err := d.Rules()
	if err != nil {
		d.counts.undecided(len(cs))
		return nil, away(retrySoon, "the door does not know whether its rules are current, and takes nothing until it does")
	}
	out := make([]outcome, len(cs))
	var es []events.Envelope
	var from []int
	for i, c := range cs {
		e, faults := accept(rules, p, c, d.Clock())
		if len(faults) > 0 {
			out[i].Problem = refused(c, faults)
			d.counts.decided(rules, e, out[i])
			continue
		}
		out[i].id, out[i].deprecated = e.ID, c.deprecated
		es, from = append(es, e), append(from, i)
	}
	if len(es) > 0 {
		d.commit(ctx, rules, es, func(n int) *outcome { return &out[from[n]] })
	}
	return out, nil
}

// commit commits accepted events, and notes of each what became of it.
func (d *door) commit(ctx context.Context, rules Snapshot, es []events.Envelope, of func(n int) *outcome) {
	ctx, cancel := context.WithTimeout(ctx, d.Wait)
	defer cancel()
	began := time.Now()
	ctx, spans := d.follow(ctx, rules, es)
	for n, placed := range d.Firehose.Publish(ctx, es) {
		o := of(n)
		spans.end(n, placed)
		o.placed, o.Problem = placed.Coordinates, unplaced(placed.Err)
		d.tell(placed.Err)
		d.counts.decided(rules, es[n], *o)
	}
	d.counts.committed(began)
}

func (d *door) tell(err error) {
	if err == nil {
		return
	}
	now := time.Now().Unix()
	if last := d.told.Load(); last < now && d.told.CompareAndSwap(last, now) {
		d.Log.Warn("an event was not committed", "error", err)
	}
}

// refused is the answer to a candidate with faults.
func refused(c *candidate, faults []events.Fault) *problem.Problem {
	var p *problem.Problem
	switch {
	case faults[0].ReasonCode == notPermitted:
		p = problem.New(http.StatusForbidden, notPermitted, "the token may not publish this event type; ask its owner for a scope")
	case c.broken:
		p = problem.New(http.StatusBadRequest, codecs.InvalidJSON, "the event cannot be read")
	default:
		p = problem.New(http.StatusUnprocessableEntity, "INVALID_EVENT", "the event was not taken; errors names each fault with its place")
	}
	for _, f := range faults {
		p.Errors = append(p.Errors, problem.Detail{Code: f.ReasonCode, Pointer: f.At, Message: f.Reason})
	}
	return p
}

// unplaced is the answer to an event that was accepted and not committed.
func unplaced(err error) *problem.Problem {
	var fault topology.Fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &fault) && fault.Code() == codecs.TooLarge:
		return tooLarge()
	}
	return away(retryLater, "the broker did not confirm the event in time; send it again with the same id: it counts once")
}

func away(after int, detail string) *problem.Problem {
	p := problem.New(http.StatusServiceUnavailable, "UNAVAILABLE", detail)
	p.RetryAfter = after
	return p
}

func tooLarge() *problem.Problem {
	return problem.New(http.StatusRequestEntityTooLarge, codecs.TooLarge, "a request is 1 MiB at most, after decompression")
}

func busy() *problem.Problem {
	p := problem.New(http.StatusTooManyRequests, "BUSY", "the door is working on as much as it holds; send the same again a little later")
	p.RetryAfter = retrySoon
	return p
}
