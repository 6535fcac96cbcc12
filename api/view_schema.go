package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/internal/topology"
)

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
