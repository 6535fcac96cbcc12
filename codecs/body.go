package codecs

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"payerflow/events"
)

// bodySchemas compiles the JSON Schema of an event type once.
var bodySchemas sync.Map // event type -> *jsonschema.Schema

// CheckBody reads a JSON body and checks it against the JSON Schema of the
// event type that it names. It returns the decoded value, or every fault with
// its JSON pointer; no fault repeats a value.
func CheckBody(doc []byte) (body map[string]any, faults []events.Fault) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return nil, []events.Fault{{ReasonCode: "INVALID_JSON", Reason: "the body is not one JSON value"}}
	}
	body, ok := v.(map[string]any)
	if !ok {
		return nil, []events.Fault{{ReasonCode: "INVALID_JSON", Reason: "the body is not a JSON object"}}
	}
	eventType, _ := body["eventType"].(string)
	schema, err := bodySchema(eventType)
	if err != nil {
		return nil, []events.Fault{{ReasonCode: events.UnknownEventType, At: "/eventType", Reason: "the catalogue has no such event type"}}
	}
	err = schema.Validate(v)
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		faults = faultsOf(invalid, nil)
		slices.SortFunc(faults, func(a, b events.Fault) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Reason, b.Reason)) })
		return nil, faults
	}
	return body, nil
}

func bodySchema(eventType string) (*jsonschema.Schema, error) {
	if s, ok := bodySchemas.Load(eventType); ok {
		return s.(*jsonschema.Schema), nil
	}
	text, err := JSONSchema(eventType)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("JSON Schema of %s: %w", eventType, err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	url := "https://payerflow.dev/schemas/" + eventType + ".json"
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("JSON Schema of %s: %w", eventType, err)
	}
	s, err := c.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("JSON Schema of %s: %w", eventType, err)
	}
	bodySchemas.Store(eventType, s)
	return s, nil
}

func faultsOf(e *jsonschema.ValidationError, out []events.Fault) []events.Fault {
	for _, c := range e.Causes {
		out = faultsOf(c, out)
	}
	if len(e.Causes) > 0 {
		return out
	}
	at := pointer(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			out = append(out, events.Fault{ReasonCode: events.MissingField, At: at + pointer([]string{name}), Reason: "the event type requires this field"})
		}
		return out
	case *kind.AdditionalProperties:
		for range k.Properties {
			out = append(out, events.Fault{ReasonCode: "UNKNOWN_FIELD", At: at, Reason: "the event type has no such field"})
		}
		return out
	}
	return append(out, events.Fault{ReasonCode: events.InvalidValue, At: at, Reason: reasonOf(e.ErrorKind)})
}

// reasonOf says what the schema asks for; the library's own text repeats the
// value.
func reasonOf(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "must be " + strings.Join(k.Want, " or ")
	case *kind.Format:
		return "must be of the format " + k.Want
	case *kind.Pattern:
		return "must match " + k.Want
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters", k.Want)
	case *kind.Enum:
		return "must be one of " + strings.Trim(fmt.Sprint(k.Want), "[]")
	}
	return "does not satisfy " + strings.Join(k.KeywordPath(), "/")
}

func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	return b.String()
}
