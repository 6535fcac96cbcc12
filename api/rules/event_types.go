package rules

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"payerflow/api/access"
	"payerflow/api/problem"
	"payerflow/processors"
	"payerflow/tables"
)

func (d *Door) eventTypes() resource[tables.EventType] {
	return resource[tables.EventType]{
		kind: tables.KindEventType, noun: "event type", path: "/v1/event-types", one: "/{name}", tag: "registry",
		id: func(t tables.EventType) string { return t.Name }, find: (*processors.Rules).EventType, all: (*processors.Rules).EventTypes,
		shown: func(c caller, t tables.EventType) (tables.EventType, bool) { return c.masked(t), true },
		may: func(c caller, t tables.EventType) error {
			if c.Acts(t.Owner) && c.MayPublish(t.Name) {
				return nil
			}
			return access.Forbidden("an event type is changed by its owner, with a token whose publish scopes hold its name, or by an administrator")
		},
		says: func(t tables.EventType) []string {
			texts := append([]string{t.Name, t.Owner, t.Doc, t.Topic, t.State}, t.Tags...)
			for _, f := range t.Fields {
				texts = append(texts, f.Pointer, f.Class)
			}
			return texts
		},
		fill: func(c caller, t *tables.EventType) {
			given(&t.Name, c.id)
			given(&t.Name, strings.Join(t.Parts, "-"))
			given(&t.Owner, c.Team)
			given(&t.State, tables.StateActive)
			if t.Version == 0 {
				t.Version = 1
			}
		},
	}
}

// given sets what a row leaves open.
func given(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// masked is the type as a caller sees it: to all but its owner, its sample is redacted as an event
// would be.
func (c caller) masked(t tables.EventType) tables.EventType {
	if t.Sample == "" || c.Acts(t.Owner) {
		return t
	}
	sample, err := c.rules.Mask(c.Team, c.Application, t.Name).Body([]byte(t.Sample))
	if err != nil {
		sample = nil
	}
	t.Sample = string(sample)
	return t
}

func (d *Door) registerEventTypes(api huma.API) {
	r := d.eventTypes()
	list(d, api, r)
	get(d, api, r)
	put(d, api, r)
	drop(d, api, r, nil)
	act(d, api, r, "new-version", "/versions", "Register the next version of an event type's schema", newVersion)
	act(d, api, r, "classify", "/classify", "Set the classes of fields; lines of the same pointer are replaced", classify)
	turn(d, api, r, "deprecate", "Deprecate an event type: doors go on taking it, and say so", func(t *tables.EventType) { t.State = tables.StateDeprecated })
}

// NextVersion is the next version of an event type's schema. What is left out
// stays. A field that is new or has another name is withheld from everybody
// until a line classifies it.
type NextVersion struct {
	Schema string         `json:"schema" minLength:"2" doc:"JSON Schema 2020-12 of the body; readers of the version before must be able to read it, and the other way round"`
	Fields []tables.Field `json:"fields,omitempty" doc:"Lines of classes that are added or replaced"`
	Sample string         `json:"sample,omitempty" doc:"A synthetic body"`
	Doc    string         `json:"doc,omitempty"`
}

func newVersion(t *tables.EventType, in NextVersion) error {
	t.Version++
	t.Schema, t.State = in.Schema, tables.StateActive
	if in.Sample != "" {
		t.Sample = in.Sample
	}
	if in.Doc != "" {
		t.Doc = in.Doc
	}
	t.Fields = merged(t.Fields, in.Fields)
	return nil
}

// Classification sets classes of fields and of metadata.
type Classification struct {
	Fields   []tables.Field `json:"fields,omitempty"`
	Metadata []tables.Field `json:"metadata,omitempty"`
}

func classify(t *tables.EventType, in Classification) error {
	if len(in.Fields)+len(in.Metadata) == 0 {
		return problem.New(http.StatusUnprocessableEntity, "INVALID_REQUEST", "name fields or metadata with their classes")
	}
	t.Fields, t.Metadata = merged(t.Fields, in.Fields), merged(t.Metadata, in.Metadata)
	return nil
}

// merged are lines by pointer, the later ones over the earlier.
func merged(lines, more []tables.Field) []tables.Field {
	out := slices.Clone(lines)
	for _, f := range more {
		at := slices.IndexFunc(out, func(o tables.Field) bool { return o.Pointer == f.Pointer })
		if at < 0 {
			out = append(out, f)
			continue
		}
		out[at] = f
	}
	slices.SortStableFunc(out, func(a, b tables.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	return out
}
