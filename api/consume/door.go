package consume

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"payerflow/connectors/kafka"
	"payerflow/tables"
)

// Limits bound what a door holds and how long.
type Limits struct {
	Streams   int           // of one worker at a time
	Team      int           // of these, of one team; 0: all
	Heartbeat time.Duration // between two signs of life of a stream
	Write     time.Duration // that a reader may take for one write
	Age       time.Duration // of a stream, after which its reader resumes
	Idle      time.Duration // after which the pulls of a subscription are given back
}

// DefaultLimits are what a worker has.
func DefaultLimits() Limits {
	return Limits{Streams: 500, Team: 100, Heartbeat: 10 * time.Second, Write: 10 * time.Second, Age: time.Hour, Idle: 5 * time.Minute}
}

// Options are what a door is given.
type Options struct {
	Copies  *kafka.Copies
	Rules   Rules
	Worker  string // HTTP address of this worker, as it announces itself
	Limits  Limits
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Door gives subscriptions' events to teams without a Kafka client.
type Door struct {
	copies  *kafka.Copies
	rules   Rules
	limits  Limits
	pulls   *pulls
	proxy   *proxy
	metrics metrics
	places  places

	ctx    context.Context // ends the streams
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// New makes a door. Close it before its Copies.
func New(o Options) *Door {
	log := func(msg string, attrs ...any) { o.Log.Warn(msg, attrs...) }
	d := &Door{copies: o.Copies, rules: o.Rules, limits: o.Limits, pulls: newPulls(o.Copies, o.Worker, log), proxy: newProxy(),
		metrics: newMetrics(o.Metrics), places: places{all: o.Limits.Streams, each: o.Limits.Team}}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.wg.Go(d.sweep)
	return d
}

// Close ends streams with RECONNECT and gives the pulls to other workers.
// Nothing is lost: what was not acknowledged is delivered again.
func (d *Door) Close() {
	d.cancel()
	d.wg.Wait()
	d.pulls.close()
	d.proxy.close()
}

// sweep gives back what nobody uses, and what no active subscription has.
func (d *Door) sweep() {
	tick := time.NewTicker(max(d.limits.Idle/10, 10*time.Millisecond))
	defer tick.Stop()
	for {
		changed := d.rules.Changed()
		if r, err := d.rules.Rules(); err == nil {
			d.pulls.sweep(d.limits.Idle, func(id string) bool {
				s, ok := r.Subscription(id)
				return ok && s.State == tables.StateActive
			})
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-d.ctx.Done():
			return
		}
	}
}

const prefix = "/v1/subscriptions/{team}/{name}"

// Open says that nothing here goes without a token.
func (d *Door) Open(*http.Request) bool { return false }

// Register puts the door's paths onto the HTTP surface.
func (d *Door) Register(mux *http.ServeMux, api huma.API) {
	op := func(id, method, path, summary, doc string, errors ...int) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: prefix + path, Summary: summary, Description: doc, Tags: []string{"consume"},
			Errors: append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
				http.StatusUnprocessableEntity, http.StatusServiceUnavailable}, errors...)}
	}
	owned := huma.Middlewares{d.passOn}
	withOwner := func(o huma.Operation) huma.Operation { o.Middlewares = owned; return o }
	huma.Register(api, withOwner(op("pull-events", http.MethodPost, "/pull", "Lease events of a subscription",
		"Leases up to max events, the oldest first, and waits for the first as long as it is asked to. An event whose lease ends without an acknowledgement is delivered again; after the subscription's retries it is parked in the dead letter topic.",
		http.StatusTooManyRequests)), d.postPull)
	huma.Register(api, withOwner(op("ack-events", http.MethodPost, "/ack", "Acknowledge leased events",
		"Acknowledges leases, in any order, or every delivered event up to a position. It answers when the position is committed. Leases that are gone are named: their events were or will be delivered again, or were parked.")), d.postAck)
	huma.Register(api, withOwner(op("nack-events", http.MethodPost, "/nack", "Give leased events back",
		"The events are delivered again, at once or after a delay. This counts as a delivery.")), d.postNack)
	huma.Register(api, op("get-position", http.MethodGet, "/position", "Where the pulls of a subscription are",
		"For each partition the position, the bounds of the log, and how many offsets lie between position and end. Any worker answers."), d.getPosition)
	huma.Register(api, withOwner(op("seek-position", http.MethodPost, "/seek", "Move the position of the pulls",
		"To the earliest or latest event, a time, or a position. All leases are gone.")), d.postSeek)
	huma.Register(api, streamed(op("stream-events", http.MethodGet, "/stream", "Stream events as server sent events",
		"Each event has the position after it as id; send the last one as Last-Event-ID, or as from, to resume. An event `reset` says that the position is gone and that the stream begins anew; an event `end` has a code and ends it.",
		http.StatusTooManyRequests)), d.getStream)
	mux.Handle(d.grpc())
}

// streamed describes the answer of a stream.
func streamed(o huma.Operation) huma.Operation {
	o.Responses = map[string]*huma.Response{"200": {Description: "events, each a CloudEvent in JSON",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	return o
}
