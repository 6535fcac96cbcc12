package processors

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// annotations are the keywords of a JSON Schema that no reader depends on.
var annotations = map[string]bool{"$schema": true, "$id": true, "$comment": true, "title": true, "description": true, "examples": true,
	"default": true, "deprecated": true, "readOnly": true, "writeOnly": true}

// compatible holds a new schema against all versions before it: readers of any
// version must be able to read data of any other. So a version may add
// optional properties, and change what is said about the rest in words alone.
func (f *faults) compatible(published []string, schema string) {
	for _, old := range slices.Backward(published) {
		g := gate{f, len(*f)}
		g.compare(jsontext.Value(old), jsontext.Value(schema), "", 0)
		if len(*f) > g.from {
			return // what breaks with the newest is said once
		}
	}
}

// gate compares two schemas of one type.
type gate struct {
	*faults
	from int
}

type keywords map[string]jsontext.Value

func (g gate) refuse(at, reason string) {
	if len(*g.faults)-g.from < maxIssues {
		g.add(Incompatible, "/schema", reason+" at "+at+"/ of the schema")
	}
}

func (g gate) compare(old, new jsontext.Value, at string, depth int) {
	var was, is keywords
	if depth > 2*mostDepth || json.Unmarshal(old, &was) != nil || json.Unmarshal(new, &is) != nil {
		if !sameJSON(string(old), string(new)) {
			g.refuse(at, "a rule that earlier versions had is another")
		}
		return
	}
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		switch name {
		case "properties":
			g.properties(was, is, at, depth)
		case "required":
			g.required(was, is, at)
		case "$defs":
			g.each(was[name], is[name], at+"/$defs", depth)
		case "items", "additionalProperties":
			g.compare(otherwise(was[name]), otherwise(is[name]), at+"/"+name, depth+1)
		default:
			if !annotations[name] && !sameSet(was[name], is[name]) {
				g.refuse(at, name+" is not what earlier versions said")
			}
		}
	}
}

// otherwise is what an absent keyword for more properties or items means.
func otherwise(v jsontext.Value) jsontext.Value {
	if v == nil {
		return jsontext.Value("true")
	}
	return v
}

func (g gate) properties(was, is keywords, at string, depth int) {
	var old, new keywords
	if was["properties"] != nil && json.Unmarshal(was["properties"], &old) != nil || is["properties"] != nil && json.Unmarshal(is["properties"], &new) != nil {
		return // does not compile
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		place := at + "/properties/" + escape(name)
		if new[name] == nil {
			g.refuse(place, "a property of earlier versions is missing")
			continue
		}
		g.compare(old[name], new[name], place, depth+1)
	}
	for _, name := range slices.Sorted(maps.Keys(new)) {
		if more := was["additionalProperties"]; old[name] == nil && more.Kind() == '{' {
			g.compare(more, new[name], at+"/properties/"+escape(name), depth+1)
		}
	}
}

func (g gate) required(was, is keywords, at string) {
	var old, new []string
	if was["required"] != nil && json.Unmarshal(was["required"], &old) != nil || is["required"] != nil && json.Unmarshal(is["required"], &new) != nil {
		return // does not compile
	}
	for _, name := range new {
		if !slices.Contains(old, name) {
			g.refuse(at+"/properties/"+escape(name), "a property is required that earlier data may lack")
		}
	}
	for _, name := range old {
		if !slices.Contains(new, name) {
			g.refuse(at+"/properties/"+escape(name), "a property is optional that earlier readers require")
		}
	}
}

func (g gate) each(old, new jsontext.Value, at string, depth int) {
	var was, is keywords
	if old == nil || new == nil || json.Unmarshal(old, &was) != nil || json.Unmarshal(new, &is) != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if is[name] != nil {
			g.compare(was[name], is[name], at+"/"+escape(name), depth+1)
		}
	}
}

// sameSet is sameJSON, but for the order of lists of types and values.
func sameSet(a, b jsontext.Value) bool {
	var x, y []jsontext.Value
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil || len(x) != len(y) {
		return sameJSON(string(a), string(b))
	}
	for _, list := range [][]jsontext.Value{x, y} {
		for i := range list {
			if list[i] = list[i].Clone(); list[i].Canonicalize() != nil {
				return false
			}
		}
		slices.SortFunc(list, func(a, b jsontext.Value) int { return bytes.Compare(a, b) })
	}
	return slices.EqualFunc(x, y, func(a, b jsontext.Value) bool { return bytes.Equal(a, b) })
}

// escape makes a name a step of a JSON pointer.
func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
