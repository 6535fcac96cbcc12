package codecs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"payerflow/events"
)

// CheckBody reads a JSON body and checks it against the JSON Schema of the
// catalogue type that it names. It returns the decoded value, or every fault
// with its JSON pointer; no fault repeats a value.
func CheckBody(doc []byte) (body map[string]any, faults []events.Fault) {
	v, bad := readJSON(doc)
	object, _ := v.(map[string]any)
	eventType, _ := object["eventType"].(string)
	schema, err := catalogueSchema(eventType)
	known := map[string]bool{"eventType": true}
	switch {
	case len(bad) > 0 && err != nil:
		return nil, faultsAt(bad, known)
	case object != nil && err != nil:
		return nil, []events.Fault{{ReasonCode: events.UnknownEventType, At: "/eventType", Reason: "the catalogue has no such event type"}}
	}
	return checked(schema, v, bad)
}

// CheckBodyWith reads a JSON body and checks it against a JSON Schema
// (2020-12), by the schema's text: that of a registered type. The last
// schemas used are kept compiled.
func CheckBodyWith(schema string, doc []byte) (body map[string]any, faults []events.Fault) {
	s, err := registeredSchema(schema)
	if err != nil {
		return nil, []events.Fault{{ReasonCode: InvalidSchema, Reason: "the event type's schema cannot be used: its owner has to register one that can"}}
	}
	v, bad := readJSON(doc)
	return checked(s, v, bad)
}

// InvalidSchema is the code of a type whose schema cannot be compiled.
const InvalidSchema = "INVALID_SCHEMA"

// checked puts the faults of the text and those of the schema together.
func checked(schema *bodySchema, v any, bad []found) (map[string]any, []events.Fault) {
	object, ok := v.(map[string]any)
	if !ok {
		if len(bad) == 0 {
			bad = []found{{InvalidJSON, "the body is not a JSON object", nil}}
		}
		return nil, faultsAt(bad, declaredBy(schema))
	}
	faults := faultsAt(bad, schema.declared)
	told := map[string]bool{}
	for _, f := range faults {
		told[f.At] = true
	}
	var invalid *jsonschema.ValidationError
	if errors.As(schema.Validate(v), &invalid) {
		for _, f := range faultsOf(invalid, seen{v, schema.declared}, nil) {
			if !told[f.At] && len(faults) < maxFaults {
				faults = append(faults, f)
			}
		}
	}
	if len(faults) == 0 {
		return object, nil
	}
	slices.SortFunc(faults, func(a, b events.Fault) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Reason, b.Reason)) })
	return nil, faults
}

func declaredBy(s *bodySchema) map[string]bool {
	if s == nil {
		return nil
	}
	return s.declared
}

// seen is a value and the names in it that a pointer may show.
type seen struct {
	v        any
	declared map[string]bool
}

func (s seen) pointer(path []string) string {
	shown := make([]string, len(path))
	v := s.v
	for i, p := range path {
		shown[i] = "*"
		switch at := v.(type) {
		case []any:
			shown[i] = p
			if n, err := strconv.Atoi(p); err == nil && n < len(at) {
				v = at[n]
			}
		case map[string]any:
			if v = at[p]; s.declared[p] {
				shown[i] = p
			}
		}
	}
	return pointer(shown)
}

func faultsOf(e *jsonschema.ValidationError, s seen, out []events.Fault) []events.Fault {
	for _, c := range e.Causes {
		out = faultsOf(c, s, out)
	}
	if len(e.Causes) > 0 {
		return out
	}
	at := s.pointer(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			out = append(out, events.Fault{ReasonCode: events.MissingField, At: at + pointer([]string{name}), Reason: "the event type requires this field"})
		}
		return out
	case *kind.AdditionalProperties:
		for range k.Properties {
			out = append(out, events.Fault{ReasonCode: UnknownField, At: at, Reason: "the event type has no such field"})
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
