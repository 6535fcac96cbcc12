package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.opentelemetry.io/otel/trace"

	"payerflow/api/problem"
	"payerflow/internal/topology"
)

const sseType = "text/event-stream"

// WatchBounds are what watches may take.
type WatchBounds struct {
	Most  int           // open at a time; 0: 10,000
	Beat  time.Duration // between signs of life; 0: 15 s
	Stall time.Duration // that a reader may take to make room for a write; 0: 10 s
}

func (b WatchBounds) orDefault() WatchBounds {
	return WatchBounds{cmp.Or(b.Most, 10000), cmp.Or(b.Beat, 15*time.Second), cmp.Or(b.Stall, 10*time.Second)}
}

// watches are the watches of a surface.
type watches struct {
	topology.Watches
	WatchBounds
	open     atomic.Int64
	stopping context.Context
	tracer   trace.Tracer
}

// watched lets a request that accepts an event stream watch what it asks for.
func (s *surface) watched(v topology.Served) huma.Middlewares {
	return huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		if !wantsEvents(ctx.Header("Accept")) {
			next(ctx)
			return
		}
		r, w := humago.Unwrap(ctx)
		if p := s.watch(v, ctx.Param("key"), w, r); p != nil {
			p.Write(w)
		}
	}}
}

const watchDoc = "With Accept: text/event-stream it is a watch: what there is, then each committed state."

// notWatched refuses to watch what is no row and no list of rows under a key,
// where the reader takes nothing else.
func notWatched() huma.Middlewares {
	return huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		if accept := ctx.Header("Accept"); !wantsEvents(accept) || takesJSON(accept) {
			next(ctx)
			return
		}
		_, w := humago.Unwrap(ctx)
		notWatchable(http.StatusNotAcceptable).Write(w)
	}}
}

func notWatchable(status int) *Problem {
	return problem.New(status, "NOT_WATCHABLE", "a watch is of one row, or of all rows under a key of a view that lists: GET /v1/views/{view}/{key}; for pages, conditions and aggregates ask for application/json, again when it is time")
}

func takesJSON(accept string) bool {
	return slices.ContainsFunc(strings.Split(accept, ","), func(part string) bool {
		name, _, _ := strings.Cut(part, ";")
		return slices.Contains([]string{"application/json", "application/*", "*/*"}, strings.ToLower(strings.TrimSpace(name)))
	})
}

func wantsEvents(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		if name, _, _ := strings.Cut(part, ";"); strings.EqualFold(strings.TrimSpace(name), sseType) {
			return true
		}
	}
	return false
}

// watchParams describes what a watch takes beside what a read takes.
func watchParams() []*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	return []*huma.Param{
		{Name: "resume", In: "query", Schema: text, Description: "With Accept: text/event-stream: id of an event of an earlier watch of the same; what was committed since comes"},
		{Name: "Last-Event-ID", In: "header", Schema: text, Description: "The same as resume, as browsers send it; it goes before"},
	}
}

// watch answers with an event stream. A problem says that none was begun.
func (s *surface) watch(v topology.Served, key string, w http.ResponseWriter, r *http.Request) *Problem {
	if s.watches.Watches == nil {
		return problem.New(http.StatusNotAcceptable, "NOT_ACCEPTABLE", "nothing can be watched here; ask for application/json")
	}
	for _, name := range []string{"where", "sort", "fields", "limit", "cursor"} {
		if r.URL.Query().Has(name) {
			p := notWatchable(http.StatusUnprocessableEntity)
			p.Errors = []Detail{{Pointer: "query." + name, Message: "not of a watch, which has all rows under its key"}}
			return p
		}
	}
	a, p := allowanceOf(r)
	if p != nil {
		return p
	}
	x := &watching{s: s, v: v, key: key, base: r.Context(), allowed: a}
	x.pin()
	var err error
	if text := r.URL.Query().Get("synthetic"); text != "" {
		if x.synthetic, err = strconv.ParseBool(text); err != nil {
			return badParameter("query.synthetic", "true or false")
		}
	}
	if len(key) > maxKey {
		return badParameter("path.key", "up to 1024 bytes")
	}
	if most := int64(s.watches.Most); s.watches.open.Add(1) > most {
		s.watches.open.Add(-1)
		return laterProblem("TOO_MANY_WATCHES", "as many watches are open here as may be; try again, or another worker")
	}
	defer s.watches.open.Add(-1)
	x.about = cursorAbout("watch", v.Name, x.synthetic, key)
	text, where := r.Header.Get("Last-Event-ID"), "header.Last-Event-ID"
	if text == "" {
		text, where = r.URL.Query().Get("resume"), "query.resume"
	}
	if text != "" {
		if x.at, err = s.openPlace(x.about, text); err != nil {
			return badParameter(where, "the id of an event of a watch of the same rows, by a reader of this deployment")
		}
	}
	return x.serve(w)
}

func laterProblem(code, detail string) *Problem {
	p := problem.New(http.StatusServiceUnavailable, code, detail)
	p.RetryAfter = 1
	return p
}

// within bounds a step that must not depend on a reader who may be gone.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}
