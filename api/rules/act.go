package rules

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

type actInput[B any] struct {
	Named
	Changing
	Body B
}

// act registers a change of a part of a row, which the body says.
func act[T, B any](d *Door, api huma.API, r resource[T], name, path, summary string, change func(*T, B) error) {
	op := r.operation(http.MethodPost, r.path+r.one+path, name, summary)
	op.MaxBodyBytes = maxBody
	huma.Register(api, op, func(ctx context.Context, in *actInput[B]) (*rowOutput[T], error) {
		return r.alter(ctx, d, in.id(), in.Changing, func(row *T) error { return change(row, in.Body) })
	})
}

type turnInput struct {
	Named
	Changing
}

// turn registers a change that says everything by its name.
func turn[T any](d *Door, api huma.API, r resource[T], name, summary string, change func(*T)) {
	huma.Register(api, r.operation(http.MethodPost, r.path+r.one+"/"+name, name, summary), func(ctx context.Context, in *turnInput) (*rowOutput[T], error) {
		return r.alter(ctx, d, in.id(), in.Changing, func(row *T) error { change(row); return nil })
	})
}

// alter writes a row anew from what it is.
func (r resource[T]) alter(ctx context.Context, d *Door, id string, in Changing, change func(*T) error) (*rowOutput[T], error) {
	c, err := d.who(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, err := r.present(c); err != nil {
		return nil, err
	}
	row, _ := r.find(c.rules, c.id) // as it is, not as it is shown
	version := c.rules.Version(r.kind, c.id) + 1
	if in.Match != "" {
		if version, err = r.matched(c, in.Match); err != nil {
			return nil, err
		}
	}
	if err := r.may(c, row); err != nil {
		return nil, err
	}
	if err := change(&row); err != nil {
		return nil, err
	}
	if err := r.may(c, row); err != nil {
		return nil, err
	}
	return r.write(ctx, d, c, row, version, in.Why)
}
