package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/problem"
	"payerflow/internal/topology"
)

// Answer is one row of a view.
type Answer struct {
	View    string           `json:"view" doc:"Name of the view"`
	Key     string           `json:"key" doc:"Key of the row"`
	Value   any              `json:"value" doc:"The row"`
	AsOf    AsOf             `json:"as_of" doc:"How recent the answer is"`
	Because topology.Because `json:"because" doc:"The events that made the row: sorted ids, the first 100, and the count of all"`
	Stale   bool             `json:"stale" doc:"True where the inputs were last seen at their end longer ago than the freshness bound"`
}

// AsOf is the engine's own account of an answer.
type AsOf struct {
	EventTime time.Time  `json:"event_time" doc:"Event time of the latest event in the row"`
	Positions []Position `json:"positions" doc:"Next offset of each input of the row's partition: what lies before it is in the answer"`
}

// Position is an input partition and its next offset.
type Position struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// Rows is a page of a view.
type Rows struct {
	Rows []Answer `json:"rows" doc:"Rows in the order of partition, 64-bit key hash and key"`
	Next string   `json:"next,omitempty" doc:"Cursor of the next page, absent on the last"`
}

// ViewInfo describes a view.
type ViewInfo struct {
	Name string `json:"name"`
	Key  string `json:"key" doc:"What the key is"`
	Doc  string `json:"doc"`
	Path string `json:"path" doc:"Where a row is read"`
}

type viewsOutput struct {
	Body struct {
		Views []ViewInfo `json:"views"`
	}
}

type getInput struct {
	Key       string `path:"key" maxLength:"1024" doc:"Key of the row"`
	Synthetic bool   `query:"synthetic" doc:"Read the row of synthetic events, which real events never touch"`
}

type listInput struct {
	Limit     int    `query:"limit" default:"50" minimum:"1" maximum:"1000" doc:"Most rows of a page"`
	Cursor    string `query:"cursor" maxLength:"64" doc:"Where to go on: next of the page before"`
	Synthetic bool   `query:"synthetic" doc:"List the rows of synthetic events instead"`
}

type getOutput struct{ Body Answer }
type listOutput struct{ Body Rows }

func registerViews(api huma.API, views topology.Views) {
	huma.Register(api, huma.Operation{OperationID: "list-views", Method: http.MethodGet, Path: "/v1/views", Summary: "List the views that the token may read", Tags: []string{"views"}},
		func(ctx context.Context, _ *struct{}) (*viewsOutput, error) {
			out := &viewsOutput{}
			out.Body.Views = []ViewInfo{}
			for _, v := range views.Views() {
				if mayRead(ctx, v.Name) != nil {
					continue
				}
				out.Body.Views = append(out.Body.Views, ViewInfo{v.Name, v.Key, v.Doc, "/v1/views/" + v.Name + "/{" + v.Key + "}"})
			}
			return out, nil
		})
	for _, v := range views.Views() {
		registerView(api, views, v)
	}
}

func registerView(api huma.API, views topology.Views, v topology.Served) {
	faults := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMisdirectedRequest, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}
	huma.Register(api, huma.Operation{
		OperationID: "get-" + v.Name, Method: http.MethodGet, Path: "/v1/views/" + v.Name + "/{key}", Tags: []string{"views"},
		Summary: "Read one row of " + v.Name + " by " + v.Key, Description: v.Doc, Errors: faults,
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
	huma.Register(api, huma.Operation{
		OperationID: "list-" + v.Name, Method: http.MethodGet, Path: "/v1/views/" + v.Name, Tags: []string{"views"},
		Summary: "List rows of " + v.Name, Description: v.Doc, Errors: faults,
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

// audited says of every request for a view's rows that what is answered must be
// written down, unless the view holds nothing that is classed.
func audited(v topology.Served, act string) huma.Middlewares {
	if v.Classes != nil && len(v.Classes) == 0 {
		return nil
	}
	return audit.Reading(act, "view", v.Name, "key", v.Classes)
}

// mayRead refuses a token whose scopes do not name the view.
func mayRead(ctx context.Context, view string) error {
	p, ok := access.From(ctx)
	if ok && p.MayRead(view) {
		return nil
	}
	if reason, broken := p.Breaks(view); ok && broken {
		audit.Breaks(ctx, reason)
		return nil
	}
	return access.Forbidden("the token's scopes do not let it read this view")
}

func answer(view string, a topology.Answer) Answer {
	out := Answer{View: view, Key: a.Key, Value: a.Row, Because: a.Row.Because(), Stale: a.Stale,
		AsOf: AsOf{EventTime: a.Row.LatestEventAt(), Positions: []Position{}}}
	for _, p := range a.Positions {
		out.AsOf.Positions = append(out.AsOf.Positions, Position(p))
	}
	return out
}

func problemOf(err error) *Problem {
	var elsewhere *topology.NotOwnedError
	switch {
	case errors.Is(err, topology.ErrNotFound):
		return problem.New(http.StatusNotFound, "ROW_NOT_FOUND", "the view has no row with this key")
	case errors.Is(err, topology.ErrNoView):
		return problem.New(http.StatusNotFound, "VIEW_NOT_FOUND", "there is no such view; GET /v1/views lists them")
	case errors.As(err, &elsewhere):
		p := problem.New(http.StatusMisdirectedRequest, "NOT_OWNED", "another worker holds the partition of this key; ask that one")
		p.Partition = &elsewhere.Partition
		return p
	case errors.Is(err, topology.ErrRestoring):
		p := problem.New(http.StatusServiceUnavailable, "RESTORING", "the partition is being assigned or restored; try again")
		p.RetryAfter = 1
		return p
	}
	return problem.New(http.StatusInternalServerError, "INTERNAL", "the row could not be read")
}

// typed describes the response with the schema of the view's own rows in the
// place of value.
func typed(api huma.API, v topology.Served, name string, page bool) map[string]*huma.Response {
	schemas := api.OpenAPI().Components.Schemas
	row := schemas.Schema(v.Row, true, v.Row.Name())
	generic := schemas.SchemaFromRef(schemas.Schema(reflect.TypeFor[Answer](), true, "Answer").Ref)
	own := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}, Required: generic.Required}
	for k, s := range generic.Properties {
		own.Properties[k] = s
	}
	own.Properties["value"] = row
	schema := own
	if page {
		schema = &huma.Schema{Type: huma.TypeObject, Required: []string{"rows"}, Properties: map[string]*huma.Schema{
			"rows": {Type: huma.TypeArray, Items: own}, "next": {Type: huma.TypeString}}}
	}
	return map[string]*huma.Response{"200": {Description: name, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}}
}
