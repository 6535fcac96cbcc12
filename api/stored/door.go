// Package stored answers: which events were there, also when their topics have
// forgotten them, as far as the asking team may see them?
package stored

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/connectors/expire"
	"payerflow/connectors/hydrate"
	"payerflow/connectors/store"
	"payerflow/processors"
	"payerflow/tables"
)

// Door reads the event store.
type Door struct {
	Guard *access.Guard
	Store *store.Store              // nil: this worker has none
	Sink  func() hydrate.SinkStatus // how this worker's sink stands
	old   func() expire.ExpiryStatus
	Log   *slog.Logger
	slots chan struct{}
}

// slots is how many requests read the store at a time.
const slots = 8

// New is a door to a store; nil where there is none.
func New(guard *access.Guard, to *store.Store, sink func() hydrate.SinkStatus, log *slog.Logger) *Door {
	return &Door{Guard: guard, Store: to, Sink: sink, Log: log, slots: make(chan struct{}, slots)}
}

// Expiring tells how this worker's expirer stands.
func (d *Door) Expiring(status func() expire.ExpiryStatus) *Door {
	d.old = status
	return d
}

// Open says that nothing here goes without a token.
func (d *Door) Open(*http.Request) bool { return false }

// Register adds the paths.
func (d *Door) Register(_ *http.ServeMux, api huma.API) {
	operation := func(id, path, summary, more string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Tags: []string{"event store"}, Summary: summary, Description: more,
			Errors: []int{401, 403, 404, 422, 503}}
	}
	classes := []string{tables.ClassPHI, tables.ClassPII, tables.ClassBank}
	find := operation("find-stored-events", "/v1/store/events", "A page of stored events",
		"By the time stamps of their records, then by place. Events of the types that the token may subscribe to, redacted for its team; a condition on what it may not see finds nothing, and is refused where a type is named.")
	find.Middlewares = audit.Reading("event.find", "event-store", "events", "", classes)
	huma.Register(api, find, d.find)
	get := operation("get-stored-event", "/v1/store/events/{id}", "Every stored record of an event", "Redacted for the token's team.")
	get.Middlewares = audit.Reading("event.read", "event-store", "event", "", classes)
	huma.Register(api, get, d.get)
	lineage := operation("get-event-lineage", "/v1/store/events/{id}/lineage", "What led to an event, and what came of it",
		"Its own records, and those of events that share its transaction, as far as the token may subscribe to their types; places and ids, no bodies.")
	lineage.Middlewares = audit.Reading("event.lineage", "event-store", "event", "", classes)
	huma.Register(api, lineage, d.lineage)
	huma.Register(api, operation("get-store-status", "/v1/store/status", "How this worker's sink stands, and what the store holds", "No keys."), d.status)
	d.registerHolds(api)
}

// reader asks for events, under the rules of the moment.
type reader struct {
	access.Principal
	rules  *processors.Rules
	opened []string // classes that a broken glass shows
}

// who finds the reader; done gives the place back.
func (d *Door) who(ctx context.Context) (r reader, done func(), err error) {
	if r.Principal, err = principal(ctx); err != nil {
		return r, nil, err
	}
	if d.Store == nil {
		return r, nil, noStore()
	}
	if r.rules, err = d.Guard.Rules(); err != nil {
		return r, nil, access.Stale()
	}
	if !r.Scopes.Admin && len(r.Scopes.Subscribe) == 0 {
		return r, nil, access.Forbidden("stored events are for tokens that may subscribe to their types")
	}
	var reason string
	if r.opened, reason = r.Opened(); len(r.opened) > 0 {
		audit.Breaks(ctx, reason)
	}
	select {
	case d.slots <- struct{}{}:
		return r, func() { <-d.slots }, nil
	default:
		return r, nil, retry("BUSY", "others are reading the event store; try again")
	}
}

func principal(ctx context.Context) (access.Principal, error) {
	p, ok := access.From(ctx)
	if !ok {
		return p, access.Forbidden("no token")
	}
	return p, nil
}

func noStore() error {
	return problem.New(http.StatusNotFound, "NO_STORE", "this worker has no event store; see store.uri")
}

func retry(code, text string) *problem.Problem {
	p := problem.New(http.StatusServiceUnavailable, code, text)
	p.RetryAfter = 1
	return p
}

func (d *Door) problemOf(ctx context.Context, err error) error {
	if ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		d.Log.Warn("the event store cannot be read", "error", err)
	}
	return retry("STORE_AWAY", "the event store does not answer; try again")
}
