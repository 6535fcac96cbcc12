package processors

import (
	"regexp"
	"slices"
	"strconv"

	"payerflow/events"
)

// hiddenNames is a pattern of the names that stand for those withheld.
var hiddenNames = "^" + regexp.QuoteMeta(events.Redacted) + "(-[0-9]+)?$"

// properties widens what a schema says of an object's properties.
func (w *widening) properties(out, m jsonObject, n *maskNode) {
	required := stays(m["required"])
	if len(required) > 0 {
		out["required"] = required
	}
	declared, widened := jsonObject{}, jsonObject{}
	if of, ok := m["properties"].(jsonObject); ok {
		declared = of
	}
	for name, s := range declared {
		if !ours(name) {
			child, _ := n.child(name)
			widened[name] = w.value(s, child)
		}
	}
	w.others(out, widened, m, declared, n)
	if len(widened) > 0 {
		out["properties"] = widened
	}
	if s, ok := m["propertyNames"]; ok {
		names := w.place(s, &maskNode{lined: true, public: true})
		if !n.keysPub {
			names = jsonObject{"anyOf": []any{jsonObject{"pattern": hiddenNames}, names}}
		}
		out["propertyNames"] = names
	}
}

// others widens what a schema says of properties that it has no name for.
// Those that lines or other branches name are written out.
func (w *widening) others(out, widened, m, declared jsonObject, n *maskNode) {
	patterns, _ := m["patternProperties"].(jsonObject)
	rest, restricted := m["additionalProperties"]
	if len(patterns) > 0 {
		out["patternProperties"] = w.patterns(patterns, n)
	}
	if !restricted {
		return
	}
	if rest == false {
		out["additionalProperties"] = false
		return
	}
	for _, name := range n.known() {
		if _, here := declared[name]; here || ours(name) {
			continue
		}
		child, _ := n.child(name)
		widened[name] = w.value(rest, child)
		if len(patterns) > 0 {
			widened[name] = true // it may be a pattern's
		}
	}
	out["additionalProperties"] = w.value(rest, n.star)
}

// patterns keeps what a pattern says where it can only speak of names that are
// data and stay as they are.
func (w *widening) patterns(of jsonObject, n *maskNode) jsonObject {
	out := jsonObject{}
	for pattern, s := range of {
		out[pattern] = true
		re, err := regexp.Compile(pattern)
		if n.keysPub && err == nil && !slices.ContainsFunc(n.known(), re.MatchString) {
			out[pattern] = w.value(s, n.star)
		}
	}
	if !n.keysPub {
		out[hiddenNames] = true
	}
	return out
}

// known are the names that the schema or a line has here.
func (n *maskNode) known() (names []string) {
	for name := range n.declared {
		names = append(names, name)
	}
	for name := range n.names {
		if !n.declared[name] {
			names = append(names, name)
		}
	}
	return names
}

// items widens what a schema says of an array's items.
func (w *widening) items(out, m jsonObject, n *maskNode) {
	tuple, _ := m["prefixItems"].([]any)
	var widened []any
	for i, s := range tuple {
		child, ok := n.names[strconv.Itoa(i)]
		if !ok {
			child = n.star
		}
		widened = append(widened, w.value(s, child))
	}
	if len(widened) > 0 {
		out["prefixItems"] = widened
	}
	s, ok := m["items"]
	for name := range n.names {
		if i, err := strconv.Atoi(name); err == nil && isIndex(name) && i >= len(tuple) {
			return // a line of its own beyond the tuple
		}
	}
	switch {
	case ok && s == false:
		out["items"] = false
	case ok:
		out["items"] = w.value(s, n.star)
	}
}
