package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/audit"
	"payerflow/internal/topology"
	"payerflow/processors"
)

type listInput struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"Most rows of a page"`
	Cursor string `query:"cursor" maxLength:"128" doc:"Where to go on: next of the page before. It is good for the same question alone"`
	Question
}

type listOutput struct{ Body Rows }

// registerList serves all rows, whoever has them, a page at a time.
func (s *surface) registerList(api huma.API, v topology.Served) {
	huma.Register(api, huma.Operation{
		OperationID: "list-" + v.Name, Method: http.MethodGet, Path: "/v1/views/" + v.Name, Tags: []string{"views"},
		Summary: "List or query rows of " + v.Name, Description: v.Doc + " All rows are listed, whichever worker has them. With where, sort or fields it is a query: it looks through at most 100,000 rows, 2 s of work and 50 million units of cost an answer, which says in partial where it stopped before the end; next goes on there. With sort, each answer is sorted by itself. With fields, value holds these alone.", Errors: append([]int{http.StatusNotAcceptable}, viewFaults...),
		Responses: pages(api, v), Parameters: freshness(), Middlewares: append(notWatched(), s.reading(v, "view.list")...),
	}, func(ctx context.Context, in *listInput) (*listOutput, error) {
		v := now(ctx, v)
		mask, err := s.sight(ctx, v)
		if err != nil {
			return nil, err
		}
		if !in.plain() {
			return s.query(ctx, v, in, mask)
		}
		about := cursorAbout("list", cursorOf(v), in.Synthetic)
		from, err := s.openCursor(about, in.Cursor)
		if err != nil {
			return nil, err
		}
		page, err := s.views.List(ctx, v.Name, from, in.Limit, in.Synthetic)
		if err != nil {
			return nil, problemOf(err)
		}
		return s.page(ctx, v, mask, about, page)
	})
}

// page is what is answered and written down of a run of rows.
func (s *surface) page(ctx context.Context, v topology.Served, mask *processors.RowMask, about string, page topology.Page) (*listOutput, error) {
	out := &listOutput{Rows{Rows: []Answer{}}}
	keys := make([]string, 0, len(page.Rows))
	for _, a := range page.Rows {
		shown, err := answer(v, a, mask)
		if err != nil {
			return nil, err
		}
		out.Body.add(shown)
		if keys = append(keys, a.Key); a.ID != "" {
			keys = append(keys, a.ID)
		}
	}
	out.Body.Position = positionToken(v, page.Rows...)
	audit.Shows(ctx, len(page.Rows), keys...)
	if page.Next != nil {
		out.Body.Next = s.sealCursor(about, *page.Next)
	}
	return out, nil
}
