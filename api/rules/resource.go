package rules

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/events"
	"payerflow/processors"
)

// resource is one kind of row on the surface.
type resource[T any] struct {
	kind string // of tables
	noun string // in the description: routing rule
	path string // of all rows
	one  string // of one row, behind path
	tag  string

	id        func(T) string
	find      func(*processors.Rules, string) (T, bool)
	all       func(*processors.Rules) []T
	shown     func(caller, T) (T, bool) // what the caller sees of a row; false: not even that it is there
	may       func(caller, T) error     // write or delete the row
	says      func(T) []string          // texts that a search looks through
	fill      func(c caller, row *T)    // what the path says, and defaults
	droppable func(T) error             // may be nil
}

// caller asks for something, of one snapshot of the rules.
type caller struct {
	access.Principal
	rules *processors.Rules
	id    string // of the row, from the path
}

// Row is one row with its version.
type Row[T any] struct {
	Name    string `json:"name" doc:"The row's name within its kind"`
	Version int32  `json:"version" doc:"Grows by one with each change; the ETag"`
	Row     T      `json:"row"`
}

type rowOutput[T any] struct {
	Status int
	ETag   string `header:"ETag" doc:"The row's version, for If-Match"`
	Body   Row[T]
}

// Rows are all rows of a kind that a caller sees, by name.
type Rows[T any] struct {
	Offset int64    `json:"offset" doc:"Next offset of the control log: the version of all rules"`
	Rows   []Row[T] `json:"rows"`
	Next   string   `json:"next,omitempty" doc:"Name after which the next page begins"`
}

type rowsOutput[T any] struct{ Body Rows[T] }

type listInput struct {
	Query string `query:"q" maxLength:"200" doc:"Words that a row must hold: in names, owners, fields, tags, docs; in any case"`
	After string `query:"after" maxLength:"250" doc:"Begin behind this name: next of the page before"`
	Limit int    `query:"limit" default:"200" minimum:"1" maximum:"1000" doc:"Most rows of a page"`
}

// Named is the row that a path names.
type Named struct{ team, name string }

// Resolve reads the path.
func (n *Named) Resolve(ctx huma.Context) []error {
	n.team, n.name = ctx.Param("team"), ctx.Param("name")
	return nil
}

// id is the row's name within its kind.
func (n *Named) id() string {
	if n.team == "" {
		return n.name
	}
	return n.team + "/" + n.name
}

// named describes the parts of a path.
func named(path string) (out []*huma.Param) {
	for _, part := range []struct{ name, doc string }{{"team", "The team; of a permission, team or team:application"}, {"name", "Name of the row; of a permission, the class"}} {
		if strings.Contains(path, "{"+part.name+"}") {
			out = append(out, &huma.Param{Name: part.name, In: "path", Description: part.doc, Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	return out
}

type getInput struct{ Named }

// Changing is what every change says beside the row.
type Changing struct {
	Match string `header:"If-Match" maxLength:"40" doc:"The version that is changed, as ETag gave it"`
	Why   string `query:"why" maxLength:"500" doc:"Reason, kept in the log"`
}

type putInput struct {
	Named
	Changing
	None    string `header:"If-None-Match" maxLength:"5" doc:"* says that the row must be new, as does a request without If-Match"`
	RawBody []byte `contentType:"application/json"`
}

type deleteInput struct {
	Named
	Changing
}

// who finds the caller and the rules.
func (d *Door) who(ctx context.Context, id string) (caller, error) {
	p, ok := access.From(ctx)
	if !ok {
		return caller{}, access.Forbidden("no token")
	}
	rules, err := d.Log.Rules()
	if err != nil {
		return caller{}, access.Stale()
	}
	return caller{p, rules, id}, nil
}

// present finds a row that the caller sees.
func (r resource[T]) present(c caller) (T, error) {
	row, ok := r.find(c.rules, c.id)
	if ok {
		row, ok = r.shown(c, row)
	}
	if !ok {
		return row, problem.New(http.StatusNotFound, "ROW_NOT_FOUND", "there is no such "+r.noun+" that the token may see")
	}
	return row, nil
}

func (r resource[T]) row(c caller, row T) Row[T] {
	return Row[T]{Name: r.id(row), Version: c.rules.Version(r.kind, r.id(row)), Row: row}
}

// operation describes one way to use a row. Errors are those of all.
func (r resource[T]) operation(method, path, act, summary string) huma.Operation {
	return huma.Operation{OperationID: act + "-" + r.kind, Method: method, Path: path, Summary: summary, Tags: []string{r.tag}, Parameters: named(path),
		Errors: []int{401, 403, 404, 409, 412, 413, 422, 428, 503}}
}

func control(kind, id, act string, version int32, row string, c caller, why string) events.Control {
	return events.Control{Kind: kind, Name: id, Act: act, Version: version, Row: row, By: c.Token, Why: why, At: now()}
}
