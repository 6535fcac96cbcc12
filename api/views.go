package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/internal/topology"
)

// ViewInfo describes a view.
type ViewInfo struct {
	Name string `json:"name"`
	Key  string `json:"key" doc:"What the key is"`
	Doc  string `json:"doc"`
	Path string `json:"path" doc:"Where a row is read, or the rows under a key"`
}

type viewsOutput struct {
	Body struct {
		Views []ViewInfo `json:"views"`
	}
}

func registerViews(api huma.API, s *surface) {
	views := s.views
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
		registerView(api, s, v)
	}
}

func registerView(api huma.API, s *surface, v topology.Served) {
	if v.Lists {
		s.registerUnder(api, v)
	} else {
		s.registerRow(api, v)
	}
	s.registerList(api, v)
	if !v.Lists {
		s.registerBatch(api, v)
	}
	s.registerAggregate(api, v)
	s.registerExport(api, v)
}

// viewFaults are the statuses of what can go wrong with every read of a view.
var viewFaults = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

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
