package rules

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"payerflow/events"
)

// list registers the list of all rows that a caller sees.
func list[T any](d *Door, api huma.API, r resource[T]) {
	huma.Register(api, r.operation(http.MethodGet, r.path, "list", "List or search "+r.noun+"s"),
		func(ctx context.Context, in *listInput) (*rowsOutput[T], error) {
			c, err := d.who(ctx, "")
			if err != nil {
				return nil, err
			}
			return &rowsOutput[T]{r.page(c, in)}, nil
		})
}

func (r resource[T]) page(c caller, in *listInput) Rows[T] {
	out := Rows[T]{Offset: c.rules.Offset(), Rows: []Row[T]{}}
	for _, row := range r.all(c.rules) {
		if r.id(row) <= in.After {
			continue
		}
		row, visible := r.shown(c, row)
		if !visible || !holds(r.says(row), in.Query) {
			continue
		}
		if len(out.Rows) == in.Limit {
			out.Next = out.Rows[in.Limit-1].Name
			break
		}
		out.Rows = append(out.Rows, r.row(c, row))
	}
	return out
}

// holds says whether each word of a query is within one of the texts.
func holds(texts []string, query string) bool {
	for _, word := range strings.Fields(strings.ToLower(query)) {
		if !slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), word) }) {
			return false
		}
	}
	return true
}

func get[T any](d *Door, api huma.API, r resource[T]) {
	huma.Register(api, r.operation(http.MethodGet, r.path+r.one, "get", "Read one "+r.noun),
		func(ctx context.Context, in *getInput) (*rowOutput[T], error) {
			c, err := d.who(ctx, in.id())
			if err != nil {
				return nil, err
			}
			row, err := r.present(c)
			if err != nil {
				return nil, err
			}
			out := r.row(c, row)
			return &rowOutput[T]{Status: http.StatusOK, ETag: etag(out.Version), Body: out}, nil
		})
}

func put[T any](d *Door, api huma.API, r resource[T]) {
	op := r.operation(http.MethodPut, r.path+r.one, "put", "Write one "+r.noun)
	op.Description = "A new row, or with If-Match another version of one. Answered when it is in force here; every worker follows within 2 s."
	content := bodied(&op)
	huma.Register(api, op, func(ctx context.Context, in *putInput) (*rowOutput[T], error) {
		c, err := d.who(ctx, in.id())
		if err != nil {
			return nil, err
		}
		row, err := decode[T](r, c, in.RawBody)
		if err != nil {
			return nil, err
		}
		r.fill(c, &row)
		if err := r.mayReplace(c, row); err != nil {
			return nil, err
		}
		version, err := r.matched(c, in.Match)
		if err != nil {
			return nil, err
		}
		return r.write(ctx, d, c, row, version, in.Why)
	})
	content["application/json"].Schema = schemaOf[T](api)
}

// mayReplace asks for the row as it is and as it is to be.
func (r resource[T]) mayReplace(c caller, row T) error {
	if old, there := r.find(c.rules, c.id); there {
		if err := r.may(c, old); err != nil {
			return err
		}
	}
	return r.may(c, row)
}

func drop[T any](d *Door, api huma.API, r resource[T], after func(context.Context, caller, T) error) {
	op := r.operation(http.MethodDelete, r.path+r.one, "delete", "Delete one "+r.noun)
	op.DefaultStatus = http.StatusNoContent
	huma.Register(api, op, func(ctx context.Context, in *deleteInput) (*struct{}, error) {
		c, err := d.who(ctx, in.id())
		if err != nil {
			return nil, err
		}
		row, err := r.present(c)
		if err == nil {
			err = r.may(c, row)
		}
		if err != nil {
			return nil, err
		}
		seen, err := expected(in.Match)
		if err != nil {
			return nil, err
		}
		if has := c.rules.Version(r.kind, c.id); seen >= 0 && seen != has {
			_, err := r.matched(c, in.Match)
			return nil, err
		}
		if r.droppable != nil {
			if err := r.droppable(row); err != nil {
				return nil, err
			}
		}
		if _, err := d.change(ctx, control(r.kind, c.id, events.ControlDelete, c.rules.Version(r.kind, c.id)+1, "", c, in.Why)); err != nil || after == nil {
			return nil, err
		}
		return nil, after(ctx, c, row)
	})
}

// decode reads a row strictly. What is wrong with its members the rules say.
func decode[T any](r resource[T], c caller, text []byte) (row T, err error) {
	if json.Unmarshal(text, &row, json.RejectUnknownMembers(true)) == nil {
		return row, nil
	}
	faults := c.rules.Check(control(r.kind, c.id, events.ControlPut, c.rules.Version(r.kind, c.id)+1, string(text), c, ""))
	if len(faults) == 0 {
		faults = []events.Fault{{ReasonCode: "INVALID_JSON", Reason: "the row is not one JSON object without repeated members"}}
	}
	return row, refused(faults)
}

// bodied bounds the request's body, which is read as it is sent, and returns
// where its description goes once the operation is registered.
func bodied(op *huma.Operation) map[string]*huma.MediaType {
	op.MaxBodyBytes = maxBody
	op.SkipValidateBody = true
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	return op.RequestBody.Content
}

func schemaOf[T any](api huma.API) *huma.Schema {
	t := reflect.TypeFor[T]()
	return api.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

// maxBody leaves a record of the control log room for key, names and frame.
const maxBody = 1<<20 - 16<<10
