package processors

import (
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxSchemas bounds the subschemas that are looked at for one place: a few
// lines of references can stand for billions.
const maxSchemas = 4096

// schemaText is a JSON Schema (2020-12), read to learn which names it has at
// a place. Keywords that it does not know are passed over.
type schemaText struct {
	root    any
	id      string
	anchors map[string]any
	ids     int // of the schema and of those within, whose references would mean something else
}

var errSchema = errors.New("the type's schema is not a JSON Schema that can be read")

func parseSchema(text string) (*schemaText, error) {
	s := &schemaText{anchors: map[string]any{}}
	if text == "" {
		return s, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // numbers keep their text
	if d.Decode(&s.root) != nil || d.More() {
		return nil, errSchema
	}
	s.note(s.root)
	if m, ok := s.root.(map[string]any); ok {
		if s.id, ok = m["$id"].(string); ok {
			s.ids--
		}
	}
	return s, nil
}

// note collects what references can mean.
func (s *schemaText) note(v any) {
	switch v := v.(type) {
	case map[string]any:
		if a, ok := v["$anchor"].(string); ok {
			s.anchors[a] = v
		}
		if _, ok := v["$id"].(string); ok {
			s.ids++
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			s.note(v[name])
		}
	case []any:
		for _, item := range v {
			s.note(item)
		}
	}
}

// resolve finds what a reference within this text means.
func (s *schemaText) resolve(ref string) (any, bool) {
	base, fragment, _ := strings.Cut(ref, "#")
	if s.ids > 0 || base != "" && base != s.id {
		return nil, false
	}
	if fragment != "" && fragment[0] != '/' {
		v, ok := s.anchors[fragment]
		return v, ok
	}
	text, err := url.PathUnescape(fragment)
	if err != nil {
		return nil, false
	}
	path, _ := steps(text)
	v := s.root
	for _, step := range path {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(at) {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, v != nil
}

// expand lists the subschemas that speak about one place: the schema itself,
// what it refers to, and every branch of it.
func (s *schemaText) expand(schemas ...any) []map[string]any {
	var out []map[string]any
	seen := map[string]bool{}
	for len(schemas) > 0 && len(out) < maxSchemas {
		m, ok := schemas[0].(map[string]any)
		schemas = schemas[1:]
		if !ok {
			continue
		}
		out = append(out, m)
		if ref, ok := m["$ref"].(string); ok && !seen[ref] {
			seen[ref] = true
			if v, ok := s.resolve(ref); ok {
				schemas = append(schemas, v)
			}
		}
		for _, k := range []string{"allOf", "anyOf", "oneOf"} {
			branches, _ := m[k].([]any)
			schemas = append(schemas, branches...)
		}
		for _, k := range []string{"if", "then", "else"} {
			schemas = append(schemas, m[k])
		}
		schemas = append(schemas, values(m["dependentSchemas"])...)
	}
	return out
}

// names are those that the schemas have for an object: they tell nothing
// that the registry does not.
func (s *schemaText) names(at []map[string]any) map[string]bool {
	names := map[string]bool{}
	for _, m := range at {
		for _, k := range []string{"properties", "dependentSchemas", "dependentRequired"} {
			of, _ := m[k].(map[string]any)
			for name, v := range of {
				names[name] = true
				if k == "dependentRequired" {
					noteTexts(names, v)
				}
			}
		}
		noteTexts(names, m["required"])
	}
	return names
}

// property are the schemas of a property, or of an array's item by its index.
func (s *schemaText) property(at []map[string]any, name string) []map[string]any {
	var found []any
	for _, m := range at {
		of, _ := m["properties"].(map[string]any)
		if v, ok := of[name]; ok {
			found = append(found, v)
			continue
		}
		if tuple, ok := m["prefixItems"].([]any); ok && isIndex(name) {
			if i, err := strconv.Atoi(name); err == nil && i < len(tuple) {
				found = append(found, tuple[i])
			}
		}
		found = append(found, m["additionalProperties"], m["unevaluatedProperties"], m["items"])
		found = append(found, values(m["patternProperties"])...)
	}
	return s.expand(found...)
}

// each are the schemas of items, and of values whose names are data.
func (s *schemaText) each(at []map[string]any) []map[string]any {
	var found []any
	for _, m := range at {
		tuple, _ := m["prefixItems"].([]any)
		found = append(append(found, m["items"], m["unevaluatedItems"], m["contains"], m["additionalProperties"], m["unevaluatedProperties"]), tuple...)
		found = append(found, values(m["patternProperties"])...)
	}
	return s.expand(found...)
}

// inText are the schemas of the JSON that a text holds.
func (s *schemaText) inText(at []map[string]any) []map[string]any {
	var found []any
	for _, m := range at {
		found = append(found, m["contentSchema"])
	}
	return s.expand(found...)
}

// values are an object's, in the order of their names.
func values(v any) []any {
	of, _ := v.(map[string]any)
	var out []any
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out = append(out, of[name])
	}
	return out
}

func noteTexts(names map[string]bool, list any) {
	items, _ := list.([]any)
	for _, item := range items {
		if name, ok := item.(string); ok {
			names[name] = true
		}
	}
}
