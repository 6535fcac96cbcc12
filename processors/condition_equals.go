package processors

import (
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// equality is a conjunct that compares one field with constants: where none of
// them is the field's value, the condition does not hold.
type equality struct {
	root   string
	path   []string
	values []string
}

// conjuncts finds what a condition needs to hold at the least, so that it need
// not be run where that is not given.
func (w *looker) conjuncts(e ast.Expr) {
	if e.Kind() != ast.CallKind {
		return
	}
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		for _, a := range args {
			w.conjuncts(a)
		}
	case operators.Equals:
		if !w.compared(args[0], args[1:]) {
			w.compared(args[1], args[:1])
		}
	case operators.In:
		if args[1].Kind() == ast.ListKind {
			w.compared(args[0], args[1].AsList().Elements())
		} else if u, ok := w.place(args[1], nil); ok && u.root == tagsVariable && len(u.path) == 0 {
			if tag, ok := w.constant(args[0]); ok {
				w.look.tags = append(w.look.tags, tag)
			}
		}
	}
}

func (w *looker) compared(field ast.Expr, with []ast.Expr) bool {
	u, ok := w.place(field, nil)
	if !ok || !w.scalar(u, w.tree.GetType(field.ID()).Kind()) {
		return false
	}
	e := equality{root: u.root, path: u.path}
	for _, c := range with {
		v, ok := w.constant(c)
		if !ok {
			return false
		}
		e.values = append(e.values, v)
	}
	slices.Sort(e.values)
	e.values = slices.Compact(e.values)
	w.look.equals = append(w.look.equals, e)
	return true
}

// constant is a literal as the index has it, or the name of its variable.
func (w *looker) constant(e ast.Expr) (string, bool) {
	if e.Kind() == ast.IdentKind && w.plain && strings.HasPrefix(e.AsIdent(), "_") && !strings.HasPrefix(e.AsIdent(), "_d") {
		return e.AsIdent(), true
	}
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	return keyOf(e.AsLiteral())
}

// scalar says whether a place has a text or whole number that the index can
// find without a loop.
func (w *looker) scalar(u use, kind types.Kind) bool {
	if kind != types.StringKind && kind != types.IntKind {
		return false
	}
	if u.root == eventVariable {
		return len(u.path) == 1
	}
	s := w.language.body
	for _, step := range u.path {
		if s = s.fields[step]; s == nil {
			return false
		}
	}
	return u.root == bodyVariable && len(u.path) > 0 && s.typ.Kind() == kind
}

// of reads the field of an equality from an event.
func (e equality) of(o *occasion) (string, bool) {
	if e.root == eventVariable {
		return keyOf(attributes[e.path[0]].get(o.event))
	}
	r := o.read()
	for _, step := range e.path[:len(e.path)-1] {
		next, ok := r.fields[step].(*record)
		if !ok {
			return "", false
		}
		r = next
	}
	return keyOf(r.fields[e.path[len(e.path)-1]])
}

func keyOf(v any) (string, bool) {
	switch v := v.(type) {
	case types.String:
		return string(v), true
	case types.Int:
		return strconv.FormatInt(int64(v), 10), true
	}
	return "", false
}
