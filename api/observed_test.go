package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"payerflow/api"
)

// TestRequestsCountByRoute: what a caller chooses is no label, whether a route
// takes it or not.
func TestRequestsCountByRoute(t *testing.T) {
	const canary = "canary-claim-4711"
	reg := prometheus.NewRegistry()
	h := api.New(rows{}, api.Options{Metrics: reg, Counts: reg})
	for _, r := range []*http.Request{
		httptest.NewRequest("GET", "/v1/views/claim-status/"+canary+"?x="+canary, nil),
		httptest.NewRequest("GET", "/"+canary, nil),
		httptest.NewRequest("GET", "/v1/"+canary+"//x", nil),
		httptest.NewRequest("CANARY-CLAIM-4711", "/livez", nil),
		httptest.NewRequest("GET", "/livez", nil),
	} {
		r.Header.Set("Authorization", "Bearer pf_"+canary)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	grpc := httptest.NewRequest("POST", "/payerflow.intake.v1.IntakeService/"+canary, strings.NewReader(""))
	grpc.Header.Set("Content-Type", "application/grpc")
	h.ServeHTTP(httptest.NewRecorder(), grpc)
	gathered, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprint(gathered)
	if strings.Contains(strings.ToLower(said), canary) {
		t.Error("what a caller chose shows")
	}
	for _, want := range []string{`/v1/views/claim-status/{key}`, `"~none"`, `"~other"`, `/livez`, `payerflow_grpc_requests_total`, `payerflow_watches_open`} {
		if !strings.Contains(said, want) {
			t.Errorf("no %s in %s", want, said)
		}
	}
}
