package api

import (
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// typed describes the response with the schema of the view's own rows in the
// place of value.
func typed(api huma.API, v topology.Served, name string, page bool) map[string]*huma.Response {
	schemas := api.OpenAPI().Components.Schemas
	row := schemas.Schema(v.Row, true, v.Row.Name())
	widen(schemas, row, tables.RowFields(v.Row))
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
