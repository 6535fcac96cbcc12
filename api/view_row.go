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
func (s *surface) registerRow(api huma.API, v topology.Served) {
	huma.Register(api, huma.Operation{
		OperationID: "get-" + v.Name, Method: http.MethodGet, Path: "/v1/views/" + v.Name + "/{key}", Tags: []string{"views"},
		Summary: "Read one row of " + v.Name + " by " + v.Key, Description: v.Doc, Errors: viewFaults,
		Responses: typed(api, v, "Answer", false), Middlewares: audited(v, "view.read"),
	}, func(ctx context.Context, in *getInput) (*getOutput, error) {
		mask, err := s.sight(ctx, v)
		if err != nil {
			return nil, err
		}
		a, err := s.views.Get(ctx, v.Name, in.Key, in.Synthetic)
		if err != nil {
			return nil, problemOf(err)
		}
		out, err := answer(v.Name, a, mask)
		out.Key = in.Key // who asks by a key has it
		return &getOutput{out}, err
	})
}
