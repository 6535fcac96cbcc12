package api

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// observed counts each request by its route. The outer part sees every request,
// also what the guard refuses; the inner one learns which route the mux took.
type observed struct {
	mux     *http.ServeMux
	metrics requestMetrics
	tracer  trace.Tracer
	traced  bool
}

// seenRequest is what is told of one request. A route is a pattern of the mux:
// it has no key in it.
type seenRequest struct{ route string }

type seenRequestKey struct{}

func (o *observed) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &seenRequest{}
		a := &observedAnswer{ResponseWriter: w}
		ctx, span := o.begin(r)
		o.metrics.open.Inc()
		defer o.metrics.open.Dec()
		defer func() {
			fault := recover()
			if fault != nil && a.status == 0 {
				a.status = http.StatusInternalServerError
			}
			route := o.routeOf(seen, r)
			o.metrics.count(r, a, route, time.Since(began))
			finish(span, r, route, a.code())
			if fault != nil {
				panic(fault) // the server's to tell
			}
		}()
		next.ServeHTTP(a, r.WithContext(context.WithValue(ctx, seenRequestKey{}, seen)))
	})
}

// inner stands around the mux, which writes the pattern into its request.
func (o *observed) inner() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen, ok := r.Context().Value(seenRequestKey{}).(*seenRequest); ok {
			defer func() { seen.route = r.Pattern }()
		}
		o.mux.ServeHTTP(w, r)
	})
}

// noRoute stands for requests that no route takes.
const noRoute = "~none"

func (o *observed) routeOf(seen *seenRequest, r *http.Request) string {
	pattern := seen.route
	if pattern == "" { // refused before the mux
		_, pattern = o.mux.Handler(r)
	}
	if pattern == "" || pattern == "/" {
		return noRoute
	}
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return path
	}
	return pattern
}

// observedAnswer remembers the status that was written.
type observedAnswer struct {
	http.ResponseWriter
	status int // 0: none yet
}

// code is the status that the caller got.
func (a *observedAnswer) code() int { return cmp.Or(a.status, http.StatusOK) }

// Unwrap lets deadlines through.
func (a *observedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader notes the status.
func (a *observedAnswer) WriteHeader(status int) {
	if a.status < http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *observedAnswer) Write(b []byte) (int, error) {
	if a.status < http.StatusOK {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Flush makes it an http.Flusher, which gRPC asks for.
func (a *observedAnswer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }
