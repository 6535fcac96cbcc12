package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/internal/topology"
)

type underInput struct {
	Key       string `path:"key" maxLength:"1024" doc:"Key that the rows are under"`
	Limit     int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"Most rows of a page"`
	Cursor    string `query:"cursor" maxLength:"128" doc:"Where to go on: next of the page before"`
	Synthetic bool   `query:"synthetic" doc:"List the rows of synthetic events instead"`
}

// registerUnder serves the rows under a key, a page at a time. A key that has
// none has an empty page.
func (s *surface) registerUnder(api huma.API, v topology.Served) {
	huma.Register(api, huma.Operation{
		OperationID: "get-" + v.Name, Method: http.MethodGet, Path: "/v1/views/" + v.Name + "/{key}", Tags: []string{"views"},
		Summary: "List the rows of " + v.Name + " under a " + v.Key, Description: v.Doc + " " + watchDoc, Errors: append([]int{http.StatusNotAcceptable}, viewFaults...),
		Responses: watchable(pages(api, v)), Parameters: append(freshness(), watchParams()...), Middlewares: append(s.watched(v), s.reading(v, "view.list")...),
	}, func(ctx context.Context, in *underInput) (*listOutput, error) {
		v := now(ctx, v)
		mask, err := s.sight(ctx, v)
		if err != nil {
			return nil, err
		}
		about := cursorAbout("under", cursorOf(v), in.Synthetic, in.Key)
		from, err := s.openCursor(about, in.Cursor)
		if err != nil {
			return nil, err
		}
		page, err := s.views.Under(ctx, v.Name, in.Key, from, in.Limit, in.Synthetic)
		if err != nil {
			return nil, problemOf(err)
		}
		out, err := s.page(ctx, v, mask, about, page)
		if err != nil {
			return nil, err
		}
		for i := range out.Body.Rows {
			out.Body.Rows[i].Key = in.Key // who asks by a key has it
		}
		return out, nil
	})
}
