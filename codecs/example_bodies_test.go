package codecs_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"payerflow/codecs"
)

// example is a body of one event type, built from its JSON Schema alone.
type example struct {
	properties map[string]property
	required   []string
	full       map[string]any // every property set
	least      map[string]any // the required ones only
	nulls      map[string]any // null wherever the schema allows it
}

type property struct {
	Type        any
	Const       any
	Enum        []any
	Pattern     string
	Format      string
	MinLength   *int
	MaxLength   *int
	Minimum     *json.Number
	Maximum     *json.Number
	Description string
}

func (p property) types() []string {
	if one, ok := p.Type.(string); ok {
		return []string{one}
	}
	var names []string
	for _, t := range p.Type.([]any) {
		names = append(names, t.(string))
	}
	return names
}

// matching has a text for each pattern that the schemas use.
var matching = map[string]string{
	`^[0-9]+\.[0-9]+$`:             "1.0",
	`^[0-9]{1,13}\.[0-9]{2}$`:      "9999999999999.99",
	`^-?[0-9]{1,13}\.[0-9]{2}$`:    "-9999999999999.99",
	`^[0-9]{1,9}$`:                 "123456789",
	`^[0-9]{9}$`:                   "123456789",
	`^[0-9]{10}$`:                  "1234567890",
	`^[A-Z][A-Z0-9_]*$`:            "ACTIVE_1",
	`^[A-Za-z0-9._-]+$`:            "portal.v1_a-b",
	`^[A-Z][A-Z0-9+_]*$`:           "EE+FAM",
	`^[A-Z]{2}-[A-Z]?[0-9]{1,3}.*`: "CO-4",
}

// exampleOf reads the schema of an event type and builds bodies from it. A
// keyword that it does not know fails the test, so that no property goes
// without a value.
func exampleOf(t testing.TB, eventType string) example {
	t.Helper()
	text, err := codecs.JSONSchema(eventType)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]json.RawMessage
		Required   []string
	}
	if err := json.Unmarshal([]byte(text), &schema); err != nil {
		t.Fatal(err)
	}
	x := example{map[string]property{}, schema.Required, map[string]any{}, map[string]any{}, map[string]any{}}
	for name, raw := range schema.Properties {
		var keywords map[string]any
		var p property
		if err := json.Unmarshal(raw, &keywords); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		for keyword := range keywords {
			if !slices.Contains([]string{"type", "const", "enum", "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "description", "items", "minItems", "maxItems"}, keyword) {
				t.Fatalf("%s.%s: no example for %s", eventType, name, keyword)
			}
		}
		x.properties[name] = p
		x.full[name] = valueOf(t, eventType+"."+name, p)
		x.nulls[name] = x.full[name]
		if slices.Contains(p.types(), "null") {
			x.nulls[name] = nil
		}
		if slices.Contains(schema.Required, name) {
			x.least[name] = x.full[name]
		}
	}
	return x
}

func valueOf(t testing.TB, name string, p property) any {
	t.Helper()
	kind := p.types()[0]
	switch {
	case p.Const != nil:
		return p.Const
	case len(p.Enum) > 0:
		return p.Enum[0]
	case p.Pattern != "":
		text, ok := matching[p.Pattern]
		if !ok {
			t.Fatalf("%s: no example for the pattern %s", name, p.Pattern)
		}
		return text
	case p.Format == "date":
		return "2026-02-28"
	case p.Format == "date-time" && strings.HasSuffix(name, ".endsAt"):
		return "2026-03-01T00:29:59.123456Z" // after startsAt
	case p.Format == "date-time":
		return "2026-02-28T23:59:59.123456Z"
	case p.Format != "":
		t.Fatalf("%s: no example for the format %s", name, p.Format)
	case kind == "string":
		text := []rune("\u00e9\u4e16 \"/~ example")
		return string(text[:min(*p.MaxLength, len(text))])
	case kind == "boolean":
		return true
	case kind == "array":
		return []any{"99213", "99214"}
	case kind == "integer":
		return *p.Maximum
	}
	t.Fatalf("%s: no example for a %s", name, kind)
	return nil
}

// doc writes a body as JSON.
func doc(t testing.TB, body map[string]any) []byte {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// with is a body with one property changed.
func with(body map[string]any, name string, value any) map[string]any {
	body = maps.Clone(body)
	body[name] = value
	return body
}

func without(body map[string]any, name string) map[string]any {
	body = maps.Clone(body)
	delete(body, name)
	return body
}
