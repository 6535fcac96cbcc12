package processors

import (
	"strings"

	"cel.dev/cel-go/common/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// shape is what a JSON Schema says about one place of a body, as far as
// conditions ask: which type a value has, and what lies below it.
type shape struct {
	typ    *types.Type
	fields map[string]*shape // of an object
	items  *shape            // of an array, or the values of an object whose names are data
	most   uint64            // items or characters
}

// Sizes that are assumed where a schema gives none. A body has at most 1 MiB,
// and so have all items of an array together.
const (
	mostText  = 1 << 20
	mostItems = 100_000
	mostDepth = 20
)

// schemaNode is the part of a JSON Schema that gives values their types.
type schemaNode struct {
	Type       jsontext.Value            `json:"type"`
	Properties map[string]jsontext.Value `json:"properties"`
	Additional jsontext.Value            `json:"additionalProperties"`
	Items      jsontext.Value            `json:"items"`
	Const      jsontext.Value            `json:"const"`
	Enum       []jsontext.Value          `json:"enum"`
	Ref        string                    `json:"$ref"`
	MaxLength  *float64                  `json:"maxLength"`
	MaxItems   *float64                  `json:"maxItems"`
}

// shapes reads a schema. Struct types get names after their place.
type shapes struct {
	defs    map[string]jsontext.Value
	structs map[string]*shape // by the name of their type
}

func newShapes(schema string) (*shapes, *shape) {
	s := &shapes{structs: map[string]*shape{}}
	var root struct {
		Defs map[string]jsontext.Value `json:"$defs"`
	}
	if json.Unmarshal([]byte(schema), &root) == nil {
		s.defs = root.Defs
	}
	body := s.read(jsontext.Value(schema), bodyVariable, 0, mostText)
	if body.fields == nil { // a body is an object, whatever its schema leaves open
		body = s.object("body", map[string]jsontext.Value{}, 0, mostText)
	}
	return s, body
}

func (s *shapes) read(text jsontext.Value, at string, depth int, room uint64) *shape {
	var n schemaNode
	if depth > mostDepth || json.Unmarshal(text, &n) != nil { // also true and false
		return &shape{typ: types.DynType, most: room}
	}
	if def, ok := strings.CutPrefix(n.Ref, "#/$defs/"); ok {
		return s.read(s.defs[def], at, depth+1, room)
	}
	switch n.kind() {
	case "string":
		return &shape{typ: types.NewNullableType(types.StringType), most: bound(n.MaxLength, room)}
	case "integer":
		return &shape{typ: types.NewNullableType(types.IntType)}
	case "number":
		return &shape{typ: types.NewNullableType(types.DoubleType)}
	case "boolean":
		return &shape{typ: types.NewNullableType(types.BoolType)}
	case "array":
		most := bound(n.MaxItems, min(mostItems, room))
		items := s.read(n.Items, at+".items", depth+1, max(1, room/max(1, most)))
		return &shape{typ: types.NewListType(items.typ), items: items, most: most}
	case "object":
		if len(n.Properties) > 0 {
			return s.object(at, n.Properties, depth, room)
		}
		most := min(mostItems, room)
		values := s.read(n.Additional, at+".values", depth+1, max(1, room/most))
		return &shape{typ: types.NewMapType(types.StringType, values.typ), items: values, most: most}
	}
	return &shape{typ: types.DynType, most: room}
}

func (s *shapes) object(at string, properties map[string]jsontext.Value, depth int, room uint64) *shape {
	o := &shape{typ: types.NewObjectType("json." + at), fields: map[string]*shape{}}
	s.structs["json."+at] = o
	for name, text := range properties {
		o.fields[name] = s.read(text, at+"."+name, depth+1, room)
	}
	return o
}

// kind is the one JSON type that a value has beside null, "" where there are
// several or none is told.
func (n schemaNode) kind() string {
	var one string
	if json.Unmarshal(n.Type, &one) == nil {
		return one
	}
	var several []string
	if json.Unmarshal(n.Type, &several) == nil {
		for _, t := range several {
			if t != "null" && one != "" {
				return ""
			} else if t != "null" {
				one = t
			}
		}
		return one
	}
	if len(n.Properties) > 0 {
		return "object"
	}
	texts := n.Enum
	if n.Const != nil {
		texts = []jsontext.Value{n.Const}
	}
	for _, v := range texts {
		if v.Kind() != '"' {
			return ""
		}
	}
	if len(texts) > 0 {
		return "string"
	}
	return ""
}

func bound(given *float64, otherwise uint64) uint64 {
	if given != nil && *given >= 0 && *given < float64(otherwise) {
		return uint64(*given)
	}
	return otherwise
}
