package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/internal/topology"
)

type getInput struct {
	Key       string `path:"key" maxLength:"1024" doc:"Key of the row"`
	Synthetic bool   `query:"synthetic" doc:"Read the row of synthetic events, which real events never touch"`
}

type getOutput struct{ Body Answer }

// registerRow serves one row by its key.
func registerRow(api huma.API, views topology.Views, v topology.Served) {
	huma.Register(api, huma.Operation{
		OperationID: "get-" + v.Name, Method: http.MethodGet, Path: "/v1/views/" + v.Name + "/{key}", Tags: []string{"views"},
		Summary: "Read one row of " + v.Name + " by " + v.Key, Description: v.Doc, Errors: viewFaults,
		Responses: typed(api, v, "Answer", false), Middlewares: audited(v, "view.read"),
	}, func(ctx context.Context, in *getInput) (*getOutput, error) {
		if err := mayRead(ctx, v.Name); err != nil {
			return nil, err
		}
		a, err := views.Get(v.Name, in.Key, in.Synthetic)
		if err != nil {
			return nil, problemOf(err)
		}
		return &getOutput{answer(v.Name, a)}, nil
	})
}
