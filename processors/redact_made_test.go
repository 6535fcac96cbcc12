package processors_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"pgregory.net/rapid"

	"payerflow/tables"
)

// made is a type and one body of it, put together at random. Every value and
// every name that is data is a canary, and whoever makes it knows, from the
// lines alone, whether it may be seen.
type made struct {
	*rapid.T
	may     map[string]bool
	row     tables.EventType
	defs    map[string]any
	n       int
	hidden  []string
	visible []string
	body    string
}

type schema = map[string]any

var madeClasses = []string{"", tables.ClassPublic, tables.ClassPublic, tables.ClassPHI, tables.ClassPII}

func makeType(t *rapid.T) *made {
	m := &made{T: t, may: map[string]bool{tables.ClassPublic: true}, defs: schema{}}
	for _, c := range []string{tables.ClassPHI, tables.ClassPII} {
		m.may[c] = rapid.Bool().Draw(t, "may see "+c)
	}
	m.row = tables.EventType{Name: "made", Version: 1}
	class := rapid.SampledFrom(madeClasses).Draw(t, "root")
	keys := m.line("", class, false, true)
	root, body := m.object("", class == "" || m.may[class], keys, 3)
	root["$defs"], root["$schema"] = m.defs, "https://json-schema.org/draft/2020-12/schema"
	text, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	m.row.Schema, m.body = string(text), body
	return m
}

func (m *made) chance(what string) bool { return rapid.Bool().Draw(m.T, what) }

// line adds a line, unless there is no class. It says whether names that are
// data may be seen by it.
func (m *made) line(at, class string, inText, open bool) bool {
	if class == "" {
		return false
	}
	f := tables.Field{Pointer: at, Class: class, JSON: inText}
	if open {
		f.Keys = rapid.SampledFrom(madeClasses).Draw(m.T, "keys")
	}
	m.row.Fields = append(m.row.Fields, f)
	return f.Keys != "" && m.may[f.Keys] && m.may[class]
}

func (m *made) canary(shown bool) string {
	m.n++
	c := fmt.Sprintf("canary%05dx", m.n)
	m.note(c, shown)
	return c
}

func (m *made) note(c string, shown bool) {
	if shown {
		m.visible = append(m.visible, c)
		return
	}
	m.hidden = append(m.hidden, c)
}

// value makes a value at a place, what the schema says of it, and its lines.
func (m *made) value(at string, shown bool, depth int) (schema, string) {
	class := rapid.SampledFrom(madeClasses).Draw(m.T, "class")
	below := shown && (class == "" || m.may[class])
	kinds := []string{"text", "text", "number", "base64", "null"}
	if depth > 0 {
		kinds = append(kinds, "object", "object", "map", "array", "tuple", "json", "json")
	}
	var s schema
	var text string
	switch kind := rapid.SampledFrom(kinds).Draw(m.T, "kind"); kind {
	case "object", "map":
		keys := m.line(at, class, false, true)
		if kind == "map" {
			s, text = m.names(at, below, keys, depth)
			break
		}
		s, text = m.object(at, below, keys, depth)
	case "array":
		m.line(at, class, false, false)
		item, one := m.value(at+"/*", below, depth-1)
		s, text = schema{"type": "array", "items": item, "contains": item}, "["+one+","+one+"]"
		if m.chance("one item") {
			s["uniqueItems"], text = true, "["+one+"]"
		}
	case "tuple":
		m.line(at, class, false, false)
		a, first := m.value(at+"/0", below, depth-1)
		b, second := m.value(at+"/1", below, depth-1)
		s, text = schema{"type": "array", "prefixItems": []any{a, b}, "items": false}, "["+first+", "+second+"]"
	case "json":
		keys := m.line(at, class, true, true)
		inner, body := m.object(at, below && class != "", keys, depth-1)
		s, text = schema{"type": "string", "contentMediaType": "application/json", "maxLength": 100_000}, m.quote(body)
		if m.chance("declared") {
			s["contentSchema"] = inner
		}
	default:
		m.line(at, class, false, false)
		s, text = m.scalar(kind, below && class != "")
	}
	return m.wrapped(s), text
}

func (m *made) scalar(kind string, shown bool) (schema, string) {
	switch kind {
	case "number":
		m.n++
		digits := fmt.Sprintf("47110%05d", m.n)
		m.note(digits, shown)
		return schema{"type": "number", "minimum": 1}, digits + rapid.SampledFrom([]string{"", ".0", "e-3", ".50E+2"}).Draw(m.T, "number")
	case "base64":
		c := m.canary(shown)
		return schema{"type": "string", "contentEncoding": "base64", "minLength": 12}, m.quote(base64.StdEncoding.EncodeToString([]byte("__" + c)))
	case "null":
		return schema{"type": []any{"null", "integer"}}, "null"
	}
	c := m.canary(shown)
	s := schema{"type": "string", "maxLength": 12, "pattern": "^canary[0-9]+x$"}
	if m.chance("const") {
		s["const"] = c
	}
	return s, m.quote(c)
}

// object makes an object whose names the schema has, and perhaps one more.
func (m *made) object(at string, shown, keys bool, depth int) (schema, string) {
	properties, required := schema{}, []any{}
	var members []string
	for i := range rapid.IntRange(0, 3).Draw(m.T, "properties") {
		name := fmt.Sprint("p", i)
		s, text := m.value(at+"/"+name, shown, depth-1)
		properties[name], required = s, append(required, name)
		members = append(members, m.quote(name)+":"+text)
	}
	s := schema{"type": "object", "properties": properties, "required": required}
	switch rapid.SampledFrom([]string{"closed", "open", "patterns"}).Draw(m.T, "others") {
	case "closed":
		s["additionalProperties"] = false
		return s, "{" + strings.Join(members, ",") + "}"
	case "patterns":
		s["patternProperties"], s["additionalProperties"] = schema{"^canary": schema{"type": "string"}}, false
	}
	// No line is below it unless the object is a map: its value is withheld.
	members = append(members, m.quote(m.canary(shown && keys))+":"+m.quote(m.canary(false)))
	if m.chance("first") {
		slices.Reverse(members)
	}
	return s, "{" + strings.Join(members, " , ") + "}"
}

// names makes an object whose names are data.
func (m *made) names(at string, shown, keys bool, depth int) (schema, string) {
	s, text := m.value(at+"/*", shown, depth-1)
	of := schema{"type": "object", "additionalProperties": s, "minProperties": 2, "maxProperties": 2, "propertyNames": schema{"pattern": "^canary"}}
	if m.chance("patterns") {
		of["patternProperties"], of["additionalProperties"] = schema{"^canary[0-9]+x$": s}, false
	}
	return of, "{" + m.quote(m.canary(shown && keys)) + ":" + text + "," + m.quote(m.canary(shown && keys)) + ":" + text + "}"
}

// wrapped says the same in another way.
func (m *made) wrapped(s schema) schema {
	switch rapid.SampledFrom([]string{"", "", "", "anyOf", "oneOf", "allOf", "if", "$ref"}).Draw(m.T, "wrapped") {
	case "anyOf":
		return schema{"anyOf": []any{schema{"const": "never"}, s}}
	case "oneOf":
		return schema{"oneOf": []any{s, schema{"const": "never"}, schema{"not": s}}}
	case "allOf":
		return schema{"allOf": []any{s, schema{"not": schema{"const": "never"}}}}
	case "if":
		return schema{"if": s, "then": s, "else": false}
	case "$ref":
		name := fmt.Sprint("d", len(m.defs))
		m.defs[name] = s
		return schema{"$ref": "#/$defs/" + name}
	}
	return s
}

// quote writes a JSON text: plain, all of it escaped, or here and there.
func (m *made) quote(text string) string {
	style := rapid.IntRange(0, 2).Draw(m.T, "escapes")
	var b strings.Builder
	b.WriteByte('"')
	for i, u := range utf16.Encode([]rune(text)) {
		if style == 1 || style == 2 && i%3 == 0 || u == '"' || u == '\\' || u < ' ' || u > '~' {
			fmt.Fprintf(&b, `\u%04x`, u)
			continue
		}
		b.WriteByte(byte(u))
	}
	return b.String() + `"`
}
