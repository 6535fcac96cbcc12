package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/internal/topology"
)

type healthOutput struct {
	Status int `json:"-"`
	Body   struct {
		Status  string   `json:"status" doc:"ok, or not ready" example:"ok"`
		Missing []string `json:"missing,omitempty" doc:"What is not ready yet"`
	}
}

// noToken says of an operation that it wants none.
var noToken = []map[string][]string{}

func registerHealth(api huma.API, views topology.Views, guard *access.Guard) {
	huma.Register(api, huma.Operation{OperationID: "livez", Method: http.MethodGet, Path: "/livez", Summary: "Is the process alive", Tags: []string{"health"}, Security: noToken},
		func(context.Context, *struct{}) (*healthOutput, error) {
			out := &healthOutput{Status: http.StatusOK}
			out.Body.Status = "ok"
			return out, nil
		})
	huma.Register(api, huma.Operation{
		OperationID: "readyz", Method: http.MethodGet, Path: "/readyz", Tags: []string{"health"}, Security: noToken,
		Summary:     "Are the rules fresh, and is every partition that is assigned to this worker restored and fresh",
		Description: "200 when it is, 503 with what is missing when it is not.",
	}, func(context.Context, *struct{}) (*healthOutput, error) {
		out := &healthOutput{Status: http.StatusOK}
		out.Body.Status = "ok"
		if err := errors.Join(views.Ready(), guard.Ready()); err != nil {
			out.Status, out.Body.Status, out.Body.Missing = http.StatusServiceUnavailable, "not ready", strings.Split(err.Error(), "\n")
		}
		return out, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "engine", Method: http.MethodGet, Path: "/v1/engine", Tags: []string{"engine"},
		Summary:     "What this worker runs and holds",
		Description: "Groups, input partitions with positions and lag, table partitions with rows and size. No keys.",
	}, func(context.Context, *struct{}) (*engineOutput, error) { return &engineOutput{views.Status()}, nil })
}

type topologyOutput struct{ Body topology.Graph }

// registerTopology shows the declared groups as a graph.
func registerTopology(api huma.API, groups []topology.Declared) {
	graph := topology.GraphOf(groups)
	huma.Register(api, huma.Operation{
		OperationID: "topology", Method: http.MethodGet, Path: "/v1/topology", Tags: []string{"engine"},
		Summary:     "What is declared: groups, topics, tables and views, and what flows between them",
		Description: "The graph of payerflow topology draw, as data. What of it runs on this worker is at /v1/engine.",
	}, func(context.Context, *struct{}) (*topologyOutput, error) { return &topologyOutput{graph}, nil })
}

type engineOutput struct{ Body topology.Status }
