package processors

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"payerflow/events"
	"payerflow/tables"
)

// maxWidened bounds a redacted schema: references are written out.
const maxWidened = 20_000

const draft = "https://json-schema.org/draft/2020-12/schema"

var errWidened = errors.New("the type's schema has too many references to be written out")

// jsonObject is a JSON object of a schema.
type jsonObject = map[string]any

var marker = jsonObject{"const": events.Redacted}

// redactedSchema writes the schema of a type's redacted bodies. Every keyword
// that it keeps stays true of a body when values in it are withheld and names
// replaced; every other one is left out.
func redactedSchema(t tables.EventType) (string, error) {
	s, err := parseSchema(t.Schema)
	if err != nil {
		return "", err
	}
	w := widening{schemaText: s, open: map[visit]bool{}}
	root := maskTrie(t, map[string]bool{tables.ClassPublic: true})
	var of any = true
	if m, ok := s.root.(jsonObject); ok && (m["$schema"] == nil || m["$schema"] == draft) {
		of = m // an older draft means other things by the same words
	}
	body, ok := w.place(of, root).(jsonObject)
	if !ok {
		body = jsonObject{}
	}
	if w.count > maxWidened {
		return "", errWidened
	}
	if body["type"] != "object" || root.lined && !root.public || !root.descends() {
		body = jsonObject{"anyOf": []any{jsonObject{"const": jsonObject{events.Redacted: events.Redacted}}, body}}
	}
	body["$schema"], body["$id"] = draft, "https://payerflow.dev/schemas/redacted/"+url.PathEscape(t.Name)+".json"
	text, err := json.MarshalIndent(body, "", "  ")
	return string(text), err
}

type widening struct {
	*schemaText
	count int
	open  map[visit]bool // references that are being written out
}

type visit struct {
	ref string
	at  *maskNode
}

// value is what a schema says of a value that may be withheld.
func (w *widening) value(schema any, n *maskNode) any {
	m, _ := schema.(jsonObject)
	switch {
	case n == nil:
		return described(jsonObject{"const": events.Redacted}, m)
	case n.json:
		return described(jsonText(m), m)
	case n.lined && n.public:
		return w.place(schema, n)
	}
	return jsonObject{"anyOf": []any{marker, w.place(schema, n)}}
}

func described(out, from jsonObject) jsonObject {
	if d, ok := from["description"]; ok {
		out["description"] = d
	}
	return out
}

// jsonText keeps the types alone: what the text holds is written anew.
func jsonText(m jsonObject) jsonObject {
	out := jsonObject{"contentMediaType": "application/json"}
	switch t := m["type"].(type) {
	case string:
		out["type"] = t
		if t != "string" {
			out["type"] = []any{t, "string"}
		}
	case []any:
		out["type"] = t
		if !slices.Contains(t, any("string")) {
			out["type"] = append(slices.Clone(t), "string")
		}
	}
	return out
}

// kept say nothing about what lies below, or only how much of it there is.
var kept = []string{"title", "description", "$comment", "deprecated", "readOnly", "writeOnly", "type",
	"multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "format",
	"contentEncoding", "contentMediaType", "minItems", "maxItems", "minProperties", "maxProperties"}

// place is what a schema says of a value that is shown at a place, with what
// lies below it widened.
func (w *widening) place(schema any, n *maskNode) any {
	m, ok := schema.(jsonObject)
	if w.count++; !ok || w.count > maxWidened {
		return schema != false
	}
	out := jsonObject{}
	for _, k := range kept {
		if v, ok := m[k]; ok {
			out[k] = v
		}
	}
	scalarChoice(out, m)
	w.branches(out, m, n)
	w.properties(out, m, n)
	w.items(out, m, n)
	return out
}

// scalarChoice keeps const and enum where no choice has something below it.
func scalarChoice(out, m jsonObject) {
	isScalar := func(v any) bool {
		switch v.(type) {
		case jsonObject, []any:
			return false
		}
		return true
	}
	if c, ok := m["const"]; ok && isScalar(c) {
		out["const"] = c
	}
	if e, ok := m["enum"].([]any); ok && !slices.ContainsFunc(e, func(v any) bool { return !isScalar(v) }) {
		out["enum"] = e
	}
}

// branches are the schemas for the same value. oneOf becomes anyOf: widened,
// two of its branches may hold.
func (w *widening) branches(out, m jsonObject, n *maskNode) {
	all := w.places(m["allOf"], n)
	if ref, ok := m["$ref"].(string); ok {
		v := visit{ref, n}
		if to, ok := w.resolve(ref); ok && !w.open[v] {
			w.open[v] = true
			all = append(all, w.place(to, n))
			delete(w.open, v)
		}
	}
	for _, k := range []string{"anyOf", "oneOf"} {
		if choices := w.places(m[k], n); len(choices) > 0 {
			all = append(all, jsonObject{"anyOf": choices})
		}
	}
	then, hasThen := m["then"]
	otherwise, hasElse := m["else"]
	if _, conditional := m["if"]; conditional && hasThen && hasElse {
		all = append(all, jsonObject{"anyOf": []any{w.place(then, n), w.place(otherwise, n)}})
	}
	if of, ok := m["dependentSchemas"].(jsonObject); ok {
		widened := jsonObject{}
		for name, s := range of {
			if !ours(name) {
				widened[name] = w.place(s, n)
			}
		}
		out["dependentSchemas"] = widened
	}
	if of, ok := m["dependentRequired"].(jsonObject); ok {
		needs := jsonObject{}
		for name, list := range of {
			if !ours(name) {
				needs[name] = stays(list)
			}
		}
		out["dependentRequired"] = needs
	}
	if len(all) > 0 {
		out["allOf"] = all
	}
}

func (w *widening) places(list any, n *maskNode) (out []any) {
	branches, _ := list.([]any)
	for _, b := range branches {
		out = append(out, w.place(b, n))
	}
	return out
}

func ours(name string) bool { return strings.HasPrefix(name, events.Redacted) }

// stays is a list of names without those that are never shown.
func stays(list any) []any {
	names, _ := list.([]any)
	return slices.DeleteFunc(slices.Clone(names), func(v any) bool { name, ok := v.(string); return ok && ours(name) })
}
