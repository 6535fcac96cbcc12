package rules

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/tables"
	"payerflow/topologies"
)

// Registry is every event type and every domain topic, to be kept or compared.
type Registry struct {
	Offset     int64                   `json:"offset" doc:"Next offset of the control log: the version of all rules"`
	EventTypes []Row[tables.EventType] `json:"eventTypes"`
	Topics     []DomainTopic           `json:"topics"`
}

// DomainTopic is a topic of the catalogue.
type DomainTopic struct {
	Name          string   `json:"name"`
	Owner         string   `json:"owner"`
	Partitions    int      `json:"partitions"`
	RetentionDays int      `json:"retentionDays"`
	KeyField      string   `json:"keyField"`
	EventTypes    []string `json:"eventTypes"`
	Producers     []string `json:"producers"`
	Consumers     []string `json:"consumers"`
}

func (d *Door) registerRegistry(api huma.API) {
	op := huma.Operation{Method: http.MethodGet, Tags: []string{"registry"}, Errors: []int{401, 503}}
	op.OperationID, op.Path, op.Summary = "registry", "/v1/registry", "The whole registry: event types and domain topics"
	huma.Register(api, op, func(ctx context.Context, _ *struct{}) (*struct{ Body Registry }, error) {
		c, err := d.who(ctx, "")
		if err != nil {
			return nil, err
		}
		return &struct{ Body Registry }{d.registry(c)}, nil
	})
	op.OperationID, op.Path, op.Summary = "asyncapi", "/v1/registry/asyncapi", "The whole registry as AsyncAPI 3.0"
	huma.Register(api, op, func(ctx context.Context, _ *struct{}) (*struct{ Body map[string]any }, error) {
		c, err := d.who(ctx, "")
		if err != nil {
			return nil, err
		}
		return &struct{ Body map[string]any }{asyncAPI(d.registry(c), api.OpenAPI().Info.Version)}, nil
	})
}

func (d *Door) registry(c caller) Registry {
	out := Registry{Offset: c.rules.Offset(), EventTypes: []Row[tables.EventType]{}}
	r := d.eventTypes()
	for _, t := range c.rules.EventTypes() {
		out.EventTypes = append(out.EventTypes, r.row(c, c.masked(t)))
	}
	for _, t := range topologies.Catalogue {
		out.Topics = append(out.Topics, DomainTopic{t.Name, t.Owner, t.Partitions, int(t.Retention.Hours() / 24), t.KeyField, t.EventTypes, t.Producers, t.Consumers})
	}
	return out
}
