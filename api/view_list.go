package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/internal/topology"
)

type listInput struct {
	Limit     int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"Most rows of a page"`
	Cursor    string `query:"cursor" maxLength:"64" doc:"Where to go on: next of the page before"`
	Synthetic bool   `query:"synthetic" doc:"List the rows of synthetic events instead"`
}

type listOutput struct{ Body Rows }

// registerList serves the rows that are here, a page at a time.
func registerList(api huma.API, views topology.Views, v topology.Served) {
	huma.Register(api, huma.Operation{
		OperationID: "list-" + v.Name, Method: http.MethodGet, Path: "/v1/views/" + v.Name, Tags: []string{"views"},
		Summary: "List rows of " + v.Name, Description: v.Doc, Errors: viewFaults,
		Responses: typed(api, v, "Rows", true), Middlewares: audited(v, "view.list"),
	}, func(ctx context.Context, in *listInput) (*listOutput, error) {
		if err := mayRead(ctx, v.Name); err != nil {
			return nil, err
		}
		from, err := decodeCursor(in.Cursor)
		if err != nil {
			p := problem.New(http.StatusUnprocessableEntity, "INVALID_CURSOR", err.Error())
			p.Errors = []Detail{{Pointer: "query.cursor", Message: err.Error()}}
			return nil, p
		}
		page, err := views.List(v.Name, from, in.Limit, in.Synthetic)
		if err != nil {
			return nil, problemOf(err)
		}
		out := &listOutput{Rows{Rows: []Answer{}}}
		keys := make([]string, 0, len(page.Rows))
		for _, a := range page.Rows {
			out.Body.Rows, keys = append(out.Body.Rows, answer(v.Name, a)), append(keys, a.Key)
		}
		audit.Shows(ctx, len(keys), keys...)
		if page.Next != nil {
			out.Body.Next = encodeCursor(*page.Next)
		}
		return out, nil
	})
}
