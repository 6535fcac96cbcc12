package intake

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/problem"
)

// Describe puts the REST door into an OpenAPI description. The door itself
// reads bodies as they come, which huma does not.
func Describe(api huma.API) {
	schemas := api.OpenAPI().Components.Schemas
	event := &huma.Schema{Type: huma.TypeObject, Description: "An event in the noun-verb-object form; the spaced names of the source (\"Metadata\", \"Event Body\", \"Transaction ID\") are taken too",
		Required: []string{"metadata", "eventBody"}, AdditionalProperties: false, Properties: map[string]*huma.Schema{
			"metadata":  metadataSchema(),
			"eventBody": {Type: huma.TypeObject, Description: "Checked against the JSON Schema of the event type"},
		}}
	ce := &huma.Schema{Type: huma.TypeObject, Description: "A CloudEvent 1.0 with the extension synthetic; transactionid, userid, transactiontype, sourcesystem and tags are ours too", Required: []string{"specversion", "id", "source", "type", "synthetic", "data"}}
	many := func(s *huma.Schema) *huma.Schema { return &huma.Schema{Type: huma.TypeArray, Items: s} }
	answer := func(doc string, t reflect.Type) *huma.Response {
		return &huma.Response{Description: doc, Content: map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(t, true, t.Name())}}}
	}
	op := &huma.Operation{
		OperationID: "publish-events", Method: http.MethodPost, Path: "/v1/events", Tags: []string{"intake"},
		Summary: "Publish one event, or a batch",
		Description: "201 when all in-sync replicas have every event, 207 when a batch had others too. Up to 1 MiB after decompression (Content-Encoding gzip or zstd), " +
			strconv.Itoa(MaxEvents) + " events. An event with attributes in ce- headers (CloudEvents binary mode) has its data as the body.",
		Parameters: []*huma.Param{
			{Name: "Idempotency-Key", In: "header", Description: "The same key of the same team makes the same event id, where the event has none of its own", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: ptr(maxText)}},
			{Name: "traceparent", In: "header", Description: "W3C trace of the caller; without one, a trace begins here", Schema: &huma.Schema{Type: huma.TypeString}},
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json":     {Schema: &huma.Schema{OneOf: []*huma.Schema{event, many(event)}}},
			"application/x-ndjson": {Schema: event},
			ceJSON:                 {Schema: ce},
			ceBatch:                {Schema: many(ce)},
		}},
		Responses: map[string]*huma.Response{
			"201": answer("Committed; of a batch, results as with 207", reflect.TypeFor[Committed]()),
			"207": answer("A result for each event of the batch, in order", reflect.TypeFor[Results]()),
		},
	}
	for status, doc := range map[int]string{
		400: "The body cannot be read", 401: "No valid token", 403: "The token may not publish this event type", 413: "More than 1 MiB or than a batch may have",
		415: "Another media type or encoding", 422: "Every fault of the event, with its place", 429: "The door is full: Retry-After", 503: "Broker or rules are away: Retry-After",
	} {
		t := reflect.TypeFor[problem.Problem]()
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: doc, Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schemas.Schema(t, true, t.Name())}}}
	}
	api.OpenAPI().AddOperation(op)
}

func ptr[T any](v T) *T { return &v }

func metadataSchema() *huma.Schema {
	s := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{}, Required: []string{"synthetic"}}
	for a, names := range nvoNames {
		p := &huma.Schema{Type: huma.TypeString, MaxLength: ptr(maxText)}
		switch attribute(a) {
		case attrSynthetic:
			p = &huma.Schema{Type: huma.TypeBoolean}
		case attrTags:
			p = &huma.Schema{Type: huma.TypeArray, MaxItems: ptr(maxTags), Items: &huma.Schema{Type: huma.TypeString, MinLength: ptr(1), MaxLength: ptr(maxTagBytes)}}
		}
		s.Properties[names[1]] = p
	}
	for _, a := range spaced.required {
		s.Required = append(s.Required, nvoNames[a][1])
	}
	return s
}
