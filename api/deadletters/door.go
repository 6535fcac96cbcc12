// Package deadletters answers: what could not be taken, as far as the asking
// team may see it, and how does an administrator send it back or give it up?
package deadletters

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// Rules are the mediator's rules as this worker knows them. Rules fails where
// they are not fresh.
type Rules interface {
	Rules() (*processors.Rules, error)
}

// Door shows dead letters and handles them.
type Door struct {
	Rules   Rules
	Letters func() *kafka.DeadLetters // one for each request
	Log     *slog.Logger
	slots   chan struct{}
}

// slots is how many requests read dead letter topics at a time: each reads
// from the brokers all that it looks through.
const slots = 4

// New is a door whose requests get their reader from letters.
func New(rules Rules, letters func() *kafka.DeadLetters, log *slog.Logger) *Door {
	return &Door{Rules: rules, Letters: letters, Log: log, slots: make(chan struct{}, slots)}
}

// Open says that nothing here goes without a token.
func (d *Door) Open(*http.Request) bool { return false }

// Register adds the paths.
func (d *Door) Register(_ *http.ServeMux, api huma.API) {
	operation := func(id, method, path, summary, more string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{"dead letters"}, Summary: summary, Description: more,
			MaxBodyBytes: maxBody, Errors: []int{401, 403, 404, 409, 422, 503}}
	}
	api = audit.Acting(api)
	huma.Register(api, operation("list-dead-letter-topics", http.MethodGet, "/v1/dlq", "What waits in dead letter topics",
		"Administrators see all topics, a team those of its own consumer topics. Everything that lies there is read."), d.list)
	get := operation("get-dead-letters", http.MethodGet, "/v1/dlq/{topic}", "A page of dead letters",
		"Key and payload are redacted by the permissions of the token's team, an administrator's too. Of a payload that does not decode nothing is shown.")
	get.Middlewares = audit.Reading("deadletter.read", "topic", "", "", []string{tables.ClassPHI, tables.ClassPII, tables.ClassBank})
	huma.Register(api, get, d.page)
	huma.Register(api, operation("redrive-dead-letters", http.MethodPost, "/v1/dlq/{topic}/redrive", "Send records back to where they came from",
		"For administrators. None goes back twice; a request that breaks off is gone on with by the same request."), d.redrive)
	huma.Register(api, operation("drop-dead-letters", http.MethodPost, "/v1/dlq/{topic}/drop", "Give dead letters up",
		"For administrators. They stay in their topic until its retention ends, and are never redriven."), d.drop)
}

const maxBody = 1 << 20

// caller asks for dead letters.
type caller struct{ access.Principal }

// who finds the caller, who may read; done gives the place back.
func (d *Door) who(ctx context.Context) (c caller, done func(), err error) {
	p, ok := access.From(ctx)
	if !ok {
		return c, nil, access.Forbidden("no token")
	}
	if _, err := d.Rules.Rules(); err != nil {
		return c, nil, access.Stale()
	}
	select {
	case d.slots <- struct{}{}:
		return caller{p}, func() { <-d.slots }, nil
	default:
		q := problem.New(http.StatusServiceUnavailable, "BUSY", "others are reading dead letters; try again")
		q.RetryAfter = 1
		return c, nil, q
	}
}

// sees says whether the caller may look into a dead letter topic.
func (c caller) sees(dlq string) bool {
	return c.Scopes.Admin || c.Team != "" && len(c.Scopes.Subscribe) > 0 && strings.HasPrefix(dlq, tables.ConsumerTopicPrefix+c.Team+".")
}

// reads is sees, as a refusal.
func (c caller) reads(dlq string) error {
	if !c.sees(dlq) {
		return access.Forbidden("a team sees the dead letters of its own consumer topics, with a token that may subscribe")
	}
	return nil
}

// problemOf says what went wrong at the brokers.
func (d *Door) problemOf(err error) error {
	switch {
	case errors.Is(err, kafka.ErrTopicMissing):
		return problem.New(http.StatusNotFound, "TOPIC_NOT_FOUND", "the cluster has no such dead letter topic")
	case errors.Is(err, kafka.ErrOvertaken):
		return problem.New(http.StatusConflict, "OVERTAKEN", kafka.ErrOvertaken.Error())
	case errors.Is(err, kafka.ErrEngineOnly):
		return problem.New(http.StatusConflict, "NOT_REDRIVABLE", kafka.ErrEngineOnly.Error()+": drop them")
	}
	if !errors.Is(err, topology.ErrUnavailable) {
		d.Log.Warn("dead letters cannot be read or handled", "error", err)
	}
	p := problem.New(http.StatusServiceUnavailable, "UNAVAILABLE", "the brokers or the registry do not answer; try again: what was done is noted")
	p.RetryAfter = 1
	return p
}
