package api

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// rowOf describes an answer with one row.
func rowOf(api huma.API, v topology.Served) map[string]*huma.Response {
	return answered("Answer", typed(api, v))
}

// pages describes an answer with a page of rows.
func pages(api huma.API, v topology.Served) map[string]*huma.Response {
	schemas := api.OpenAPI().Components.Schemas
	page := copied(schemas.SchemaFromRef(schemas.Schema(reflect.TypeFor[Rows](), true, "Rows").Ref))
	rows := *page.Properties["rows"]
	rows.Items = typed(api, v)
	page.Properties["rows"] = &rows
	return answered("Rows", page)
}

func answered(name string, schema *huma.Schema) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: name, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}}
}

// unchanged adds the answer to who has the row already.
func unchanged(r map[string]*huma.Response) map[string]*huma.Response {
	r["304"] = &huma.Response{Description: "The row, and what the reader may see of it, are as the ETag of If-None-Match says"}
	return r
}

// watchable adds the events of a watch.
func watchable(r map[string]*huma.Response) map[string]*huma.Response {
	r["200"].Content[sseType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: "Events row, gone, synced, reset and end; their ids are places to resume at"}}
	return r
}

// typed is the schema of an answer with the view's own rows in the place of
// value.
func typed(api huma.API, v topology.Served) *huma.Schema {
	schemas := api.OpenAPI().Components.Schemas
	row := schemas.Schema(v.Row, true, v.Row.Name())
	widen(schemas, row, tables.RowFields(v.Row))
	own := copied(schemas.SchemaFromRef(schemas.Schema(reflect.TypeFor[Answer](), true, "Answer").Ref))
	own.Properties["value"] = row
	return own
}

// copied is an object whose properties may be replaced.
func copied(s *huma.Schema) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Properties: maps.Clone(s.Properties), Required: s.Required}
}

// widen lets every field that is not PUBLIC be the text that stands for a
// withheld value. So what is described does not depend on who reads.
func widen(schemas huma.Registry, row *huma.Schema, fields []tables.RowField) {
	if row.Ref != "" {
		row = schemas.SchemaFromRef(row.Ref)
	}
	for _, f := range fields {
		s := row.Properties[f.Name]
		if s == nil || s.Extensions[widened] != nil {
			continue
		}
		if inner := recordOf(s); inner != nil {
			widen(schemas, inner, f.Below)
		}
		if slices.Equal(f.Classes, []string{tables.ClassPublic}) || f.Classes == nil && f.Below != nil {
			continue
		}
		note := "Needs " + strings.Join(f.Classes, " and ") + ", else " + events.Redacted
		if s.Ref == "" && s.Type == huma.TypeString && s.Format == "" && s.Pattern == "" && len(s.Enum) == 0 {
			s.Description = strings.TrimSpace(s.Description + " " + note)
			s.Extensions = map[string]any{widened: f.Classes}
			continue
		}
		row.Properties[f.Name] = &huma.Schema{Description: note, Extensions: map[string]any{widened: f.Classes},
			AnyOf: []*huma.Schema{s, {Type: huma.TypeString, Enum: []any{events.Redacted}}}}
	}
}

// widened is where a schema names the classes of a field.
const widened = "x-classes"

// recordOf is the schema of the record that a field is or lists, nil for none.
func recordOf(s *huma.Schema) *huma.Schema {
	for s != nil && s.Ref == "" {
		switch {
		case s.Items != nil:
			s = s.Items
		case s.Type == huma.TypeObject:
			s, _ = s.AdditionalProperties.(*huma.Schema)
		default:
			return nil
		}
	}
	return s
}
