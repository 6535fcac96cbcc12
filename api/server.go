package api

import (
	"net/http"
	"path"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"payerflow/api/problem"
	"payerflow/internal/topology"
)

// Options are what the surface shows beside the views.
type Options struct {
	Version string
	Metrics prometheus.Gatherer
}

// New is the whole HTTP surface.
func New(views topology.Views, o Options) http.Handler {
	huma.NewError = fromHuma
	mux := http.NewServeMux()
	config := huma.DefaultConfig("payerflow", o.Version)
	config.Info.Description = "Views of a health plan's event stream. Errors are RFC 9457 problem details."
	config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", nil
	api := humago.New(mux, config)
	registerViews(api, views)
	registerHealth(api, views)
	registerSLA(api, views)
	mux.Handle("GET /docs", docsPage(api))
	if o.Metrics != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { notFound(mux, w, r) })
	return plainPaths(mux)
}

// notFound answers what no route takes: 405 where another method would be
// taken, else 404.
func notFound(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		get := r.Clone(r.Context())
		get.Method = http.MethodGet
		if _, pattern := mux.Handler(get); pattern != "/" {
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, problem.New(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "this path is read with GET"))
			return
		}
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
