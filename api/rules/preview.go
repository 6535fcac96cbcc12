package rules

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/audit"
	"payerflow/api/problem"
)

// Preview asks what a team would see of an event.
type Preview struct {
	Team        string          `json:"team" minLength:"1" maxLength:"60" doc:"Whose eyes"`
	Application string          `json:"application,omitempty" maxLength:"60"`
	EventType   string          `json:"eventType" minLength:"1" maxLength:"200"`
	Body        json.RawMessage `json:"body,omitempty" doc:"The event's body, of administrators alone; without it, the type's sample"`
}

// Previewed is what the team would see.
type Previewed struct {
	EventType string          `json:"eventType"`
	Team      string          `json:"team"`
	Classes   []string        `json:"classes" doc:"What the team may see of this type"`
	Body      json.RawMessage `json:"body" doc:"The body as it would be delivered"`
	Schema    json.RawMessage `json:"schema" doc:"JSON Schema of what is delivered"`
}

func (d *Door) registerPreview(api huma.API) {
	huma.Register(api, huma.Operation{OperationID: "preview-redaction", Method: http.MethodPost, Path: "/v1/redaction/preview", Tags: []string{"registry"},
		Summary: "What a team would see of an event; nothing is published", Errors: []int{401, 403, 404, 413, 422, 503}},
		func(ctx context.Context, in *struct{ Body Preview }) (*struct{ Body Previewed }, error) {
			c, err := d.who(ctx, "")
			if err != nil {
				return nil, err
			}
			if !c.Acts(in.Body.Team) {
				return nil, access.Forbidden("a team's own token, or an administrator's, shows what the team sees")
			}
			if len(in.Body.Body) > 0 && !c.Scopes.Admin { // who may try out values could find what a redacted key stands for
				return nil, access.Forbidden("a body of one's own is previewed by administrators; leave it out to see the type's sample")
			}
			if len(in.Body.Body) > 0 {
				classes := slices.Sorted(maps.Keys(c.rules.Classes(in.Body.Team, in.Body.Application, in.Body.EventType)))
				if p := audit.Reads(ctx, "redaction.preview", "event-type", in.Body.EventType, classes); p != nil {
					return nil, p
				}
			}
			out, err := c.preview(in.Body)
			if err != nil {
				return nil, err
			}
			return &struct{ Body Previewed }{out}, nil
		})
}

func (c caller) preview(in Preview) (Previewed, error) {
	t, ok := c.rules.EventType(in.EventType)
	if !ok {
		return Previewed{}, problem.New(http.StatusNotFound, "ROW_NOT_FOUND", "there is no such event type")
	}
	body := []byte(in.Body)
	if len(body) == 0 {
		body = []byte(t.Sample)
	}
	if len(body) == 0 {
		return Previewed{}, problem.New(http.StatusUnprocessableEntity, "INVALID_REQUEST", "the event type has no sample: send a body")
	}
	mask := c.rules.Mask(in.Team, in.Application, t.Name)
	seen, err := mask.Body(body)
	if err != nil {
		return Previewed{}, problem.New(http.StatusUnprocessableEntity, "NOT_REDACTABLE", "the body cannot be walked, so that nothing of it would leave")
	}
	schema, err := mask.Schema()
	if err != nil {
		schema = "null"
	}
	return Previewed{EventType: t.Name, Team: in.Team, Classes: slices.Sorted(maps.Keys(c.rules.Classes(in.Team, in.Application, t.Name))),
		Body: seen, Schema: json.RawMessage(schema)}, nil
}
