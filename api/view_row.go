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
	Known     string `header:"If-None-Match" doc:"ETag of an earlier answer: 304 while the row is as it was"`
}

type getOutput struct {
	Status int
	ETag   string `header:"ETag"`
	Body   Answer
}

// registerRow serves one row by its key.
func (s *surface) registerRow(api huma.API, v topology.Served) {
	huma.Register(api, huma.Operation{
		OperationID: "get-" + v.Name, Method: http.MethodGet, Path: "/v1/views/" + v.Name + "/{key}", Tags: []string{"views"},
		Summary: "Read one row of " + v.Name + " by " + v.Key, Description: v.Doc + " " + watchDoc, Errors: append([]int{http.StatusNotAcceptable}, viewFaults...),
		Responses: watchable(unchanged(rowOf(api, v))), Parameters: append(freshness(), watchParams()...), Middlewares: append(s.watched(v), s.reading(v, "view.read")...),
	}, func(ctx context.Context, in *getInput) (*getOutput, error) {
		v := now(ctx, v)
		mask, err := s.sight(ctx, v)
		if err != nil {
			return nil, err
		}
		a, err := s.views.Get(ctx, v.Name, in.Key, in.Synthetic)
		if err != nil {
			return nil, problemOf(err)
		}
		out, err := answer(v, a, mask)
		if err != nil {
			return nil, err
		}
		out.Key = in.Key // who asks by a key has it
		out.Position = positionToken(v, a)
		tag := etag(a, mask)
		if matches(in.Known, tag) {
			return &getOutput{Status: http.StatusNotModified, ETag: tag}, nil
		}
		return &getOutput{http.StatusOK, tag, out}, nil
	})
}
