// Package booking answers: how do providers offer their time, and how do
// patients find it, book it and cancel?
//
// What changes something is an event, and comes in as every event does: see
// api/intake. What is read is a view, and is shown as views are. The door
// itself holds nothing.
package booking

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"payerflow/api/access"
	"payerflow/api/intake"
	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/internal/topology"
)

// Intake takes events: intake.Doors.
type Intake interface {
	Publish(ctx context.Context, e intake.Event) (*intake.Committed, *problem.Problem)
}

// Door is for providers and patients.
type Door struct {
	Intake Intake
	Views  topology.Views
	Now    func() time.Time // nil: the wall clock
}

// Accepted answers a request that became an event. What comes of it is seen at
// Location.
type Accepted struct {
	ID       string            `json:"id" doc:"Of the profile, slot or booking: the one that was sent, or the one that was made"`
	Location string            `json:"location" doc:"Where to see what came of it"`
	Event    *intake.Committed `json:"event" doc:"The event, committed"`
}

type accepted struct {
	Location string `header:"Location"`
	Body     Accepted
}

// Sent is what all requests that change something have.
type Sent struct {
	Synthetic   bool   `query:"synthetic" required:"true" doc:"Is it fictitious? Real rows never see it"`
	Key         string `header:"Idempotency-Key" maxLength:"255" doc:"The same key of the same team makes the same event, which counts once. The request then says when it was made"`
	Traceparent string `header:"traceparent" maxLength:"255" doc:"W3C trace of the caller"`
}

const (
	source  = "payerflow/booking"
	maxBody = 64 << 10
)

// Open says that nothing here goes without a token.
func (d *Door) Open(*http.Request) bool { return false }

// Register adds the paths.
func (d *Door) Register(mux *http.ServeMux, api huma.API) {
	d.registerProviders(api)
	d.registerPatients(api)
	d.registerBookings(api)
	registerReads(mux, api)
}

func operation(id, method, path, summary, more string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"booking"}, Summary: summary, Description: more,
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: maxBody, Errors: []int{400, 401, 403, 404, 409, 422, 429, 503}}
}

// publish makes an event of a request, and says where to see what comes of it.
func (d *Door) publish(ctx context.Context, s Sent, id, location, timeAt string, at events.Instant, t events.Type, body any) (*accepted, error) {
	committed, p := d.Intake.Publish(ctx, intake.Event{Type: t, Body: body, At: at.Time(), TimeAt: timeAt, Synthetic: s.Synthetic, Key: s.Key, Source: source, Traceparent: s.Traceparent})
	if p != nil {
		return nil, p
	}
	if s.Synthetic {
		location += "?synthetic=true"
	}
	return &accepted{Location: location, Body: Accepted{ID: id, Location: location, Event: committed}}, nil
}

// when is the time of a request: what it says, or now. A request that may come
// again with its key must say it, or it would be another one each time.
func (d *Door) when(s Sent, said time.Time, at string) (events.Instant, error) {
	switch {
	case !said.IsZero():
		return events.InstantOf(said), nil
	case s.Key != "":
		return 0, fault(events.MissingField, at, "a request with an Idempotency-Key says when it was made, so that the same request is the same event")
	case d.Now != nil:
		return events.InstantOf(d.Now()), nil
	}
	return events.InstantOf(time.Now()), nil
}

// newID is the id that a request names, or the one that follows from its team
// and key, or a new one.
func newID(ctx context.Context, s Sent, named, what string) string {
	switch p, _ := access.From(ctx); {
	case named != "":
		return named
	case s.Key != "":
		return topology.UUIDv5(what, p.Team, []byte(s.Key))
	}
	return uuid.NewString()
}

// mayPublish refuses before anything is looked up: what is there is not told to
// who may not change it.
func mayPublish(ctx context.Context, t events.Type) error {
	if p, ok := access.From(ctx); !ok || !p.MayPublish(string(t)) {
		return access.Forbidden("the token's scopes do not let it publish " + string(t))
	}
	return nil
}

// fault is a refusal with a place.
func fault(code, at, message string) *problem.Problem {
	p := problem.New(http.StatusUnprocessableEntity, "INVALID_REQUEST", "the request was not taken; errors names each fault with its place")
	p.Errors = []problem.Detail{{Code: code, Pointer: at, Message: message}}
	return p
}
