package stage

import (
	"context"

	"payerflow/internal/topology"
)

// NoViews is what a worker shows that has none.
var NoViews topology.Views = noViews{}

type noViews struct{}

func (noViews) Views() []topology.Served { return nil }
func (noViews) Ready() error             { return nil }
func (noViews) Status() topology.Status  { return topology.Status{} }

func (noViews) Get(context.Context, string, string, bool) (topology.Answer, error) {
	return topology.Answer{}, topology.ErrNoView
}

func (noViews) Batch(context.Context, string, []string, bool) []topology.Got { return nil }

func (noViews) List(context.Context, string, topology.Place, int, bool) (topology.Page, error) {
	return topology.Page{}, topology.ErrNoView
}

func (noViews) Under(context.Context, string, string, topology.Place, int, bool) (topology.Page, error) {
	return topology.Page{}, topology.ErrNoView
}
