package consume

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/problem"
	"payerflow/connectors/kafka"
)

// Path names a subscription.
type Path struct {
	Team string `path:"team" maxLength:"255" doc:"Team of the subscription"`
	Name string `path:"name" maxLength:"255" doc:"Name of the subscription"`
}

// maxWait is the longest that a pull waits.
const maxWait = time.Minute

type pullInput struct {
	Path
	Max   int    `query:"max" default:"10" minimum:"1" maximum:"1000" doc:"Most events"`
	Wait  string `query:"wait" default:"0s" maxLength:"16" doc:"How long to wait for the first event: 10s, at most 1m" example:"10s"`
	Lease string `query:"lease" default:"30s" maxLength:"16" doc:"How long the events are leased: 1s to 12h" example:"30s"`
}

// Leased is one event of a pull.
type Leased struct {
	Lease      string     `json:"lease" doc:"Id of the lease, for ack and nack"`
	ExpiresAt  time.Time  `json:"expiresAt" doc:"When the event may be delivered again"`
	Deliveries int        `json:"deliveries" doc:"How often this owner has delivered the event, with this time" example:"1"`
	Partition  int32      `json:"partition" doc:"Where the event is in the subscription's topic"`
	Offset     int64      `json:"offset"`
	Event      CloudEvent `json:"event" doc:"The event in the JSON format of CloudEvents, body in data"`
}

type pullOutput struct {
	Body struct {
		Events []Leased `json:"events" doc:"None where none came in time"`
	}
}

func (d *Door) postPull(ctx context.Context, in *pullInput) (*pullOutput, error) {
	wait, bad1 := span("query.wait", in.Wait, 0, maxWait)
	length, bad2 := span("query.lease", in.Lease, time.Second, 12*time.Hour)
	if p := invalid(bad1, bad2); p != nil {
		return nil, p
	}
	h := here(ctx)
	leases, err := h.pull(ctx, h.grant, ask{in.Max, wait, length})
	if err != nil {
		p := problemOf(err)
		denied(ctx, "event.pull", h.id, p)
		return nil, p
	}
	if p := h.pulled(ctx, leases); p != nil {
		h.unpulled(leases)
		return nil, p
	}
	out := &pullOutput{}
	out.Body.Events = make([]Leased, 0, len(leases))
	for _, l := range leases {
		if l.Deliveries > 1 {
			d.metrics.again.Inc()
		}
		out.Body.Events = append(out.Body.Events, Leased{l.ID, l.ExpiresAt.UTC(), l.Deliveries, l.Partition, l.Offset, CloudEvent{l.Event}})
	}
	d.metrics.delivered.WithLabelValues("pull").Add(float64(len(leases)))
	return out, nil
}

type ackInput struct {
	Path
	Body struct {
		Leases []string `json:"leases,omitempty" maxItems:"10000" doc:"Ids of leases"`
		UpTo   string   `json:"upTo,omitempty" maxLength:"16384" doc:"Position: every event before it that was delivered, up to the first that was not" example:"1f2e3d4c.0:42"`
	}
}

type settledOutput struct {
	Body struct {
		Settled int      `json:"settled" doc:"Events that this request acknowledged or gave back"`
		Gone    []string `json:"gone" doc:"Leases that are gone: the event was delivered again, was acknowledged or parked before, or has another owner"`
	}
}

func (d *Door) postAck(ctx context.Context, in *ackInput) (*settledOutput, error) {
	if (in.Body.UpTo == "") == (len(in.Body.Leases) == 0) {
		return nil, invalid(&problem.Detail{Pointer: "/leases", Message: "either leases or upTo"})
	}
	h, out := here(ctx), &settledOutput{}
	out.Body.Gone = []string{}
	var to map[int32]int64
	if in.Body.UpTo != "" {
		p, err := kafka.ParsePosition(in.Body.UpTo)
		if err != nil {
			return nil, invalid(&problem.Detail{Pointer: "/upTo", Message: err.Error()})
		}
		to = p.Next
	}
	return out, settled(h.settle(ctx, func(w *window) {
		if to != nil {
			out.Body.Settled = w.ackUpTo(to)
			return
		}
		out.Body.Settled, out.Body.Gone = w.ack(in.Body.Leases)
	}))
}

type nackInput struct {
	Path
	Body struct {
		Leases []string `json:"leases" minItems:"1" maxItems:"10000" doc:"Ids of leases"`
		Delay  string   `json:"delay,omitempty" maxLength:"16" doc:"How long to wait before the events are delivered again: at most 1h" example:"5s"`
	}
}

func (d *Door) postNack(ctx context.Context, in *nackInput) (*settledOutput, error) {
	if in.Body.Delay == "" {
		in.Body.Delay = "0s"
	}
	delay, bad := span("/delay", in.Body.Delay, 0, time.Hour)
	if p := invalid(bad); p != nil {
		return nil, p
	}
	out := &settledOutput{}
	return out, settled(here(ctx).settle(ctx, func(w *window) {
		out.Body.Settled, out.Body.Gone = w.nack(time.Now(), in.Body.Leases, delay)
	}))
}

func settled(err error) error {
	if err != nil {
		return problemOf(err)
	}
	return nil
}

// span reads a duration; a number alone is of seconds.
func span(at, text string, least, most time.Duration) (time.Duration, *problem.Detail) {
	d, err := time.ParseDuration(text)
	if err != nil {
		d, err = time.ParseDuration(text + "s")
	}
	if err != nil || d < least || d > most {
		return 0, &problem.Detail{Pointer: at, Message: "a duration from " + least.String() + " to " + most.String() + ", as 10s"}
	}
	return d, nil
}

// invalid is the problem of the faults that are there.
func invalid(faults ...*problem.Detail) error {
	var p *problem.Problem
	for _, f := range faults {
		if f != nil {
			if p == nil {
				p = problem.New(http.StatusUnprocessableEntity, "INVALID_REQUEST", "the request is not legal; see errors")
			}
			p.Errors = append(p.Errors, *f)
		}
	}
	if p == nil {
		return nil
	}
	return p
}

// Schema describes an event for the API description.
func (CloudEvent) Schema(huma.Registry) *huma.Schema {
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	return &huma.Schema{Type: huma.TypeObject, Description: "CloudEvent 1.0 in JSON; other names are extensions of the producer", AdditionalProperties: true,
		Required: []string{"specversion", "id", "source", "type", "time", "synthetic", "data"},
		Properties: map[string]*huma.Schema{
			"specversion": text("1.0"), "id": text("Identity of the event"), "source": text("/payerflow/ and the source system"), "type": text("Type of the event"),
			"subject": text("As the producer gave it"), "time": {Type: huma.TypeString, Format: "date-time", Description: "When it happened"}, "datacontenttype": text("application/json"),
			"partitionkey": text("The entity's key, or a keyed hash where it may not be seen"), "transactionid": text("Business transaction"), "userid": text("Who"),
			"transactiontype": text("What was done"), "sourcesystem": text("Where"), "synthetic": {Type: huma.TypeBoolean, Description: "True for a fictitious event"},
			"tags": text("Sorted, comma-separated, each percent-encoded"), "data": {Type: huma.TypeObject, Description: "The body, with ***REDACTED*** for what may not be seen", AdditionalProperties: true},
		}}
}
