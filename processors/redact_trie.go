package processors

import (
	"strings"

	"payerflow/events"
	"payerflow/tables"
)

// maskNode is a place in a body that a line names, or that lies above one.
type maskNode struct {
	lined    bool   // a line names this very place
	open     bool   // and all lines that do have a class that may be seen
	public   bool   // and they are all PUBLIC
	class    string // of the first such line
	json     bool   // the text here holds JSON
	keysOpen bool   // names that are data may be seen
	keysPub  bool   // and they are PUBLIC
	names    map[string]*maskNode
	star     *maskNode       // items, and values whose names are data
	items    bool            // star, or an index among the names
	declared map[string]bool // names that the schema has here
}

// maskTrie compiles the lines of a type. Lines that contradict each other are
// all obeyed.
func maskTrie(t tables.EventType, open map[string]bool) *maskNode {
	root := &maskNode{}
	for _, f := range t.Fields {
		path, ok := steps(f.Pointer)
		if !ok {
			continue // names nothing
		}
		n := root
		for _, step := range path {
			n = n.grow(step)
		}
		n.line(f, open)
	}
	if schema, err := parseSchema(t.Schema); err == nil {
		root.declare(schema, schema.expand(schema.root))
	}
	return root
}

// line adds a line to the place that it names.
func (n *maskNode) line(f tables.Field, open map[string]bool) {
	may, public := open[f.Class] && f.Class != "", f.Class == tables.ClassPublic
	keys, keysPublic := open[f.Keys] && f.Keys != "", f.Keys == tables.ClassPublic
	if n.lined {
		may, public, keys, keysPublic = may && n.open, public && n.public, keys && n.keysOpen, keysPublic && n.keysPub
	} else {
		n.class = f.Class
	}
	n.lined, n.open, n.public, n.keysOpen, n.keysPub = true, may, public, keys, keysPublic
	n.json = n.json || f.JSON
}

func (n *maskNode) grow(step string) *maskNode {
	if step == "*" {
		if n.star == nil {
			n.star = &maskNode{}
		}
		n.items = true
		return n.star
	}
	if n.names == nil {
		n.names = map[string]*maskNode{}
	}
	if n.names[step] == nil {
		n.names[step] = &maskNode{}
	}
	n.items = n.items || isIndex(step)
	return n.names[step]
}

// declare notes the names that the schema has at each place of the trie.
func (n *maskNode) declare(s *schemaText, at []map[string]any) {
	if n.json {
		at = s.inText(at)
	}
	n.declared = s.names(at)
	for name, child := range n.names {
		child.declare(s, s.property(at, name))
	}
	if n.star != nil {
		n.star.declare(s, s.each(at))
	}
}

// child is the place below an object's name, and whether the name may be
// seen. Names that look like ours for a withheld one are never taken for the
// schema's.
func (n *maskNode) child(name string) (*maskNode, bool) {
	if !strings.HasPrefix(name, events.Redacted) {
		if c, ok := n.names[name]; ok {
			return c, true
		}
		if n.declared[name] {
			return nil, true // a field that nobody classified yet: "*" does not mean it
		}
	}
	return n.star, n.keysOpen
}

// classAt is the class of the field that a pointer names, and whether it may
// be seen with all that it lies in.
func (n *maskNode) classAt(pointer string) (class string, open bool) {
	path, ok := steps(pointer)
	if !ok || len(path) == 0 {
		return "", false
	}
	open = true
	for _, step := range path {
		if n.lined && !n.open {
			open = false
		}
		if n, _ = n.child(step); n == nil {
			return "", false
		}
	}
	return n.class, open && n.lined && n.open
}

// descends says whether an object here is shown as one.
func (n *maskNode) descends() bool { return n.lined || len(n.names) > 0 || n.star != nil }

// steps are the parts of a JSON pointer (RFC 6901).
func steps(pointer string) ([]string, bool) {
	if pointer == "" {
		return nil, true
	}
	if pointer[0] != '/' {
		return nil, false
	}
	path := strings.Split(pointer[1:], "/")
	for i, step := range path {
		path[i] = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
	}
	return path, true
}

func isIndex(step string) bool {
	return step != "" && strings.Trim(step, "0123456789") == "" && (step == "0" || step[0] != '0')
}
