package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"payerflow/api/problem"
	"payerflow/internal/topology"
)

const (
	defaultWait  = 2 * time.Second
	longestWait  = 30 * time.Second
	maxPositions = 16
)

// freshness are the parameters by which every read of a view says what it
// allows of the copies that answer.
func freshness() []*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	return []*huma.Param{
		{Name: "max_staleness", In: "query", Schema: text, Example: "10s", Description: "How old an answer may be, the owner's too; copies of other workers and replicas may then answer. Without it, what the deployment allows"},
		{Name: "min_position", In: "query", Schema: text, Description: "Token of a publish, or of an answer: the answer holds at least what it stands for. May be there several times"},
		{Name: "wait", In: "query", Schema: text, Example: "2s", Description: "How long to wait for min_position, up to 30s"},
	}
}

// reading is what all operations on a view share: who reads is written down,
// what is allowed of copies is known to who reads for it, and one version of the
// view answers all of it.
func (s *surface) reading(v topology.Served, act string) huma.Middlewares {
	return append(audited(v, act), s.allowing(v))
}

func (s *surface) allowing(v topology.Served) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		live := s.live(v)
		if r.URL.RawQuery == "" && live.Version == "" { // nothing is said
			next(ctx)
			return
		}
		a, p := allowanceOf(r)
		if p != nil {
			p.Write(w)
			return
		}
		next(huma.WithContext(ctx, pin(ctx.Context(), live, a)))
	}
}

// live is a view in the version that is live now.
func (s *surface) live(v topology.Served) topology.Served {
	if views, ok := s.views.(interface {
		Served(view string) (topology.Served, bool)
	}); ok {
		if live, found := views.Served(v.Name); found {
			return live
		}
	}
	return v
}

type versionKey struct{}

// pin has one version of a view answer a request, and no other.
func pin(ctx context.Context, v topology.Served, a topology.Allowance) context.Context {
	a.Incarnation = v.Incarnation
	ctx = topology.Allow(ctx, a)
	if v.Version == "" {
		return ctx
	}
	return context.WithValue(ctx, versionKey{}, v)
}

// now is a view in the version that a request is answered from.
func now(ctx context.Context, v topology.Served) topology.Served {
	if pinned, ok := ctx.Value(versionKey{}).(topology.Served); ok {
		return pinned
	}
	return v
}

func allowanceOf(r *http.Request) (a topology.Allowance, p *Problem) {
	q := r.URL.Query()
	for _, bound := range []struct {
		name string
		most time.Duration
		set  func(time.Duration)
	}{
		{"max_staleness", 24 * time.Hour, func(d time.Duration) { a.Staleness = &d }},
		{"wait", longestWait, func(d time.Duration) { a.Wait = d }},
	} {
		text := q.Get(bound.name)
		if text == "" {
			continue
		}
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > bound.most {
			return a, badParameter("query."+bound.name, "a time such as 500ms or 10s, up to "+bound.most.String())
		}
		bound.set(d)
	}
	a.Wait = cmp.Or(a.Wait, defaultWait)
	tokens := q["min_position"]
	if len(tokens) > maxPositions {
		return a, badParameter("query.min_position", "at most 16 tokens")
	}
	for _, token := range tokens {
		at, table, err := parsePosition(token)
		if err != nil {
			return a, badParameter("query.min_position", err.Error())
		}
		if a.AtLeast = append(a.AtLeast, at...); table.topic != "" {
			if a.Tables == nil {
				a.Tables = map[string]string{}
			}
			a.Tables[table.topic] = table.incarnation
		}
	}
	return a, nil
}

func badParameter(pointer, message string) *Problem {
	p := problem.New(http.StatusUnprocessableEntity, "INVALID_REQUEST", "validation failed")
	p.Errors = []Detail{{Pointer: pointer, Message: message}}
	return p
}
