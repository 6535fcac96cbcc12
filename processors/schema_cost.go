package processors

import "reflect"

// A few lines of references can make a schema look at one value billions of
// times, and so stand still whoever checks a body. What a schema costs is how
// many of its subschemas are looked at along one path into a body, at most.
const (
	maxSchemaCost = 2000
	costedDepth   = 64 // as deep as a body may be
)

type costing struct {
	*schemaText
	known map[costed]int
	open  map[costed]bool
}

type costed struct {
	schema uintptr
	depth  int
}

// bounded says whether a schema's cost is. References that lead nowhere, or
// mean another thing in each place (dynamic ones), have no bound.
func bounded(text string) bool {
	s, err := parseSchema(text)
	if err != nil {
		return false
	}
	c := costing{s, map[costed]int{}, map[costed]bool{}}
	return c.of(s.root, costedDepth) <= maxSchemaCost
}

// of is the cost of a value that may have so many levels below it.
func (c *costing) of(schema any, depth int) int {
	m, ok := schema.(map[string]any)
	if !ok {
		return 1
	}
	key := costed{reflect.ValueOf(m).Pointer(), depth}
	if cost, ok := c.known[key]; ok {
		return cost
	}
	if c.open[key] {
		return maxSchemaCost + 1 // it refers to itself and comes no further
	}
	c.open[key] = true
	cost := c.here(m, depth)
	if depth > 0 {
		cost += max(c.fields(m, depth-1), c.items(m, depth-1))
	}
	delete(c.open, key)
	c.known[key] = min(cost, maxSchemaCost+1)
	return c.known[key]
}

// here is the cost of what looks at the same value.
func (c *costing) here(m map[string]any, depth int) int {
	cost := 1
	if ref, ok := m["$ref"].(string); ok {
		to, known := c.resolve(ref)
		if !known {
			return maxSchemaCost + 1
		}
		cost += c.of(to, depth)
	}
	if _, dynamic := m["$dynamicRef"]; dynamic {
		return maxSchemaCost + 1
	}
	for _, k := range []string{"allOf", "anyOf", "oneOf"} {
		branches, _ := m[k].([]any)
		cost += c.sum(depth, branches...)
	}
	return cost + c.sum(depth, m["not"], m["if"], m["then"], m["else"]) + c.sum(depth, values(m["dependentSchemas"])...)
}

// fields is the cost of the dearest property: one name, and all that speaks of
// names in general.
func (c *costing) fields(m map[string]any, depth int) int {
	named := c.dearest(depth, values(m["properties"]))
	return named + c.sum(depth, m["additionalProperties"], m["unevaluatedProperties"], m["propertyNames"]) + c.sum(depth, values(m["patternProperties"])...)
}

func (c *costing) items(m map[string]any, depth int) int {
	tuple, _ := m["prefixItems"].([]any)
	return c.dearest(depth, tuple) + c.sum(depth, m["items"], m["contains"], m["unevaluatedItems"])
}

func (c *costing) dearest(depth int, schemas []any) (cost int) {
	for _, s := range schemas {
		cost = max(cost, c.of(s, depth))
	}
	return cost
}

func (c *costing) sum(depth int, schemas ...any) (cost int) {
	for _, s := range schemas {
		if _, ok := s.(map[string]any); ok {
			cost = min(cost+c.of(s, depth), maxSchemaCost+1)
		}
	}
	return cost
}
