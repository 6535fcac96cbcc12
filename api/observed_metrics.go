package api

import (
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// requestMetrics are labelled by patterns of the mux, methods and codes: bounded
// sets, whatever is asked.
type requestMetrics struct {
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	calls    *prometheus.CounterVec
	open     prometheus.Gauge
}

func newRequestMetrics(reg prometheus.Registerer, watches func() float64) requestMetrics {
	m := requestMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "payerflow_http_requests_total",
			Help: "HTTP requests by pattern of their route, method and status; ~none: no route takes them."}, []string{"route", "method", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "payerflow_http_request_seconds",
			Help:    "Time until an HTTP request was answered; without event streams and gRPC streams, which last as long as their readers stay.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"route", "method"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "payerflow_grpc_requests_total",
			Help: "gRPC calls by service, method and status code."}, []string{"service", "method", "code"}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{Name: "payerflow_http_requests_open", Help: "HTTP requests under way, streams included."}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.took, m.calls, m.open,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "payerflow_watches_open", Help: "Watches of views that are open."}, watches))
	}
	return m
}

func (m requestMetrics) count(r *http.Request, a *observedAnswer, route string, took time.Duration) {
	method := methodOf(r)
	m.requests.WithLabelValues(route, method, strconv.Itoa(a.code())).Inc()
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		m.countCall(r, a, route)
	} else if !strings.HasPrefix(a.Header().Get("Content-Type"), sseType) {
		m.took.WithLabelValues(route, method).Observe(took.Seconds())
	}
}

// countCall counts a call of gRPC, whose status comes behind its answer. A
// method that a service does not have is no label.
func (m requestMetrics) countCall(r *http.Request, a *observedAnswer, route string) {
	method, code := path.Base(r.URL.Path), a.Header().Get("Grpc-Status")
	for _, trailer := range []string{http.TrailerPrefix + "Grpc-Status", "grpc-status"} {
		if code == "" {
			code = a.Header().Get(trailer)
		}
	}
	if n, err := strconv.Atoi(code); err != nil || n < 0 || n > 16 {
		code = "~none"
	}
	if a.status == http.StatusNotFound || code == "12" || route == noRoute {
		method = "~none"
	}
	m.calls.WithLabelValues(strings.Trim(route, "/"), method, code).Inc()
}

func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "~other"
}
