package api

import (
	"cmp"
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/internal/topology"
)

// Options are what the surface shows beside the views.
type Options struct {
	Version  string
	Metrics  prometheus.Gatherer
	Counts   prometheus.Registerer // of requests; nil: none
	Traces   trace.TracerProvider  // nil: none
	Guard    *access.Guard         // nil lets nobody in
	Doors    []Door
	Groups   []topology.Declared             // that are declared
	Carry    func(http.Handler) http.Handler // puts the token of a session where tokens stand; nil: there are none
	Stall    time.Duration                   // that a client may take to read a page of an export; 0: 30 s
	Watches  topology.Watches                // nil: nothing is watched
	Watch    WatchBounds
	Stopping context.Context // ends when watches are to end; nil: never
}

// Door is a part of the surface with paths of its own.
type Door interface {
	// Register adds the paths, and to the API those that it describes.
	Register(mux *http.ServeMux, api huma.API)
	// Open says which requests want no token.
	Open(r *http.Request) bool
}

// New is the whole HTTP surface. Everything but what open names wants a token.
func New(views topology.Views, o Options) http.Handler {
	huma.NewError = fromHuma
	mux := http.NewServeMux()
	api := humago.New(mux, described(o.Version))
	s := newSurface(views, o.Guard, o.bounds())
	s.watches.Watches, s.watches.WatchBounds, s.watches.stopping, s.watches.tracer = o.Watches, o.Watch.orDefault(), o.stopping(), tracerOf(o.Traces)
	registerViews(api, s)
	registerHealth(api, views, o.Guard)
	registerTopology(api, o.Groups)
	registerSLA(api, views)
	for _, d := range o.Doors {
		d.Register(mux, api)
	}
	mux.Handle("GET /docs", docsPage(api))
	if o.Metrics != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { notFound(mux, w, r) })
	seen := &observed{mux: mux, tracer: s.watches.tracer, traced: o.Traces != nil, metrics: newRequestMetrics(o.Counts, func() float64 { return float64(s.watches.open.Load()) })}
	guarded := o.Guard.Wrap(o.open, seen.inner())
	if o.Carry != nil {
		guarded = o.Carry(guarded)
	}
	return seen.outer(plainPaths(compressed(guarded)))
}

func (o Options) stopping() context.Context {
	if o.Stopping == nil {
		return context.Background()
	}
	return o.Stopping
}

func (o Options) bounds() bounds {
	b := defaultBounds()
	b.stall = cmp.Or(o.Stall, b.stall)
	return b
}

func described(version string) huma.Config {
	c := huma.DefaultConfig("payerflow", version)
	c.Info.Description = "The event backbone of a health plan: doors, rules, views. Errors are RFC 9457 problem details."
	c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", nil
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer",
		Description: "pf_<id>_<secret>, or a token of the OpenID provider that is configured"}}
	c.Security = []map[string][]string{{"token": {}}}
	return c
}

// openPaths are probes, metrics and descriptions.
var openPaths = map[string]bool{"/livez": true, "/readyz": true, "/healthz": true, "/metrics": true, "/docs": true,
	"/openapi.json": true, "/openapi.yaml": true, "/openapi-3.0.json": true, "/openapi-3.0.yaml": true}

func (o Options) open(r *http.Request) bool {
	if openPaths[r.URL.Path] && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return true
	}
	return slices.ContainsFunc(o.Doors, func(d Door) bool { return d.Open(r) })
}

// notFound answers what no route takes: 405 where other methods would be
// taken, else 404.
func notFound(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := mux.Handler(other); pattern != "/" {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, problem.New(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "this path is not used with that method; see Allow"))
		return
	}
	writeProblem(w, problem.New(http.StatusNotFound, "NOT_FOUND", "there is nothing here; /docs describes what there is"))
}

// plainPaths refuses paths that are not what they seem: dot segments, also
// escaped ones, and doubled slashes. The router would redirect some of them.
func plainPaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; p != "/" && path.Clean(p) != strings.TrimSuffix(p, "/") {
			writeProblem(w, problem.New(http.StatusNotFound, "NOT_FOUND", "there is nothing here; /docs describes what there is"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
