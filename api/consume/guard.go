package consume

import (
	"context"
	"errors"
	"net/http"
	"time"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
)

// Rules are the mediator's rules as this worker knows them now. Rules fails
// where they are not fresh; Changed is closed when others take their place.
type Rules interface {
	Rules() (*processors.Rules, error)
	Changed() <-chan struct{}
}

// grant is what lets one caller have one subscription's events. It holds no
// longer than the rules say so: check is asked again and again.
type grant struct {
	rules     Rules
	principal access.Principal
	id        string // of the subscription
	tokenRow  bool   // the token is a row of the rules, and must stay one
	seen      *seen  // of a stream
}

// admit checks who asks, and that the subscription is theirs and active.
func (d *Door) admit(ctx context.Context, team, name string) (g *grant, s tables.Subscription, p *problem.Problem) {
	defer func() { denied(ctx, "event.read", team+"/"+name, p) }()
	g = &grant{rules: d.rules, id: team + "/" + name}
	var ok bool
	if g.principal, ok = access.From(ctx); !ok {
		return nil, tables.Subscription{}, problem.New(http.StatusUnauthorized, "TOKEN_MISSING", "send a token: Authorization: Bearer pf_…")
	}
	if !g.principal.Acts(team) {
		return nil, tables.Subscription{}, access.Forbidden("the token does not act for this team")
	}
	r, err := d.rules.Rules()
	if err != nil {
		return nil, tables.Subscription{}, access.Stale()
	}
	_, g.tokenRow = r.Token(g.principal.Token)
	s, p = g.check(r)
	return g, s, p
}

// now is check with the rules of this moment.
func (g *grant) now() (*processors.Rules, *problem.Problem) {
	r, err := g.rules.Rules()
	if err != nil {
		return nil, access.Stale()
	}
	_, p := g.check(r)
	return r, p
}

func (g *grant) check(r *processors.Rules) (s tables.Subscription, p *problem.Problem) {
	if t, ok := r.Token(g.principal.Token); ok != g.tokenRow || ok && !t.Valid(time.Now()) {
		return s, problem.New(http.StatusUnauthorized, "INVALID_TOKEN", "the token was revoked or has expired")
	}
	s, ok := r.Subscription(g.id)
	switch {
	case !ok:
		return s, problem.New(http.StatusNotFound, "SUBSCRIPTION_NOT_FOUND", "the team has no such subscription")
	case s.State == tables.StateActive:
		return s, nil
	case s.State == tables.StateQuarantined:
		return s, problem.New(http.StatusConflict, "SUBSCRIPTION_QUARANTINED", "the subscription failed at run time; its row says why")
	}
	return s, problem.New(http.StatusConflict, "SUBSCRIPTION_PAUSED", "the subscription is not active; activate it first")
}

// errBarred says that the token may not get events of a type.
var errBarred = errors.New("not a type of event for this token")

// show is the copy as the caller may see it at this moment. A copy that was
// made with the mask of this moment is shown as it is. It fails with
// errBarred, or with why nothing may leave.
func (g *grant) show(r *processors.Rules, c kafka.Copy) (events.Envelope, error) {
	if !g.principal.MaySubscribe(string(c.Envelope.Type)) {
		return events.Envelope{}, errBarred
	}
	s, ok := r.Subscription(g.id)
	if !ok {
		return events.Envelope{}, errBarred
	}
	// What the whole team may see, each of its applications may see too.
	if c.MaskID() == r.Mask(s.Team, "", string(c.Envelope.Type)).ID() {
		return c.Envelope, nil
	}
	application := g.principal.Application
	if g.principal.Team != s.Team {
		application = ""
	}
	return r.Mask(s.Team, application, string(c.Envelope.Type)).Envelope(c.Envelope)
}

// ended says why a request's context ended, nil where its caller left.
func ended(ctx context.Context) *problem.Problem {
	var p *problem.Problem
	switch err := context.Cause(ctx); {
	case errors.As(err, &p):
		return p
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(err, topology.ErrUnavailable):
		return access.Stale()
	}
	return problem.New(http.StatusUnauthorized, "INVALID_TOKEN", "the token was revoked or has expired")
}

// later is a problem that passes by itself.
func later(code, detail string) *problem.Problem {
	p := problem.New(http.StatusServiceUnavailable, code, detail)
	p.RetryAfter = 1
	return p
}

// problemOf says what went wrong at the broker.
func problemOf(err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, kafka.ErrNoTopic):
		return later("TOPIC_NOT_READY", "the subscription's topic does not exist yet, or not any more")
	case errors.Is(err, kafka.ErrFenced):
		return later("OWNER_MOVES", "another worker takes the subscription over; events may be delivered again")
	case errors.Is(err, kafka.ErrPositionGone):
		return problem.New(http.StatusGone, "POSITION_GONE", "the log begins after this position; resume, and be told where it begins")
	case errors.Is(err, topology.ErrUnavailable):
		return later("UNAVAILABLE", "the broker or the schema registry does not answer")
	}
	return problem.New(http.StatusInternalServerError, "INTERNAL", "the events could not be read")
}
