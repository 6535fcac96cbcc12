package processors

import (
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// see finds everything that a checked condition looks at. What it cannot
// follow to a place of the event, it refuses.
func (c *look) see(l *language, tree *ast.AST, plain bool) {
	w := &looker{look: c, language: l, tree: tree, plain: plain}
	w.visit(tree.Expr(), nil)
	if len(c.faults) == 0 {
		w.conjuncts(tree.Expr())
	}
}

type looker struct {
	look     *look
	language *language
	tree     *ast.AST
	plain    bool // variables stand for literals
}

// boundTo is what the variable of a comprehension stands for: a place, or
// nothing that would be one.
type boundTo struct {
	name  string
	place *use
}

func (w *looker) refuse(reason string) {
	f := faults(w.look.faults)
	f.add(InvalidCEL, conditionAt, reason)
	w.look.faults = f
}

// add records a use. All of an array, map or object is all that lies in it; all
// of the body or the event is more than a condition needs.
func (w *looker) add(u use) {
	u.path = slices.Clone(u.path)
	s := w.language.body.at(u.path)
	switch {
	case !u.whole || u.root == tagsVariable || u.keys:
	case len(u.path) == 0:
		w.refuse("names the whole " + u.root + ": select the fields that it needs")
		return
	case u.root == bodyVariable && s != nil && s.fields != nil:
		for _, name := range slices.Sorted(maps.Keys(s.fields)) {
			w.add(u.step(name))
		}
		u.whole = false
	case u.root == bodyVariable && s != nil && s.items != nil:
		if keys := u; s.typ.Kind() == types.MapKind {
			keys.keys = true
			w.add(keys)
		}
		w.add(u.step("*"))
		u.whole = false
	}
	if !slices.ContainsFunc(w.look.uses, func(o use) bool { return sameUse(o, u) }) {
		w.look.uses = append(w.look.uses, u)
	}
}

// place follows a chain of selections to where it begins.
func (w *looker) place(e ast.Expr, scope []boundTo) (use, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		name := strings.TrimPrefix(e.AsIdent(), ".")
		for _, v := range slices.Backward(scope) {
			if v.name == name {
				if v.place == nil {
					return use{}, false
				}
				return *v.place, true
			}
		}
		if name == w.language.root {
			return use{root: bodyVariable}, true
		}
		return use{root: name}, name == eventVariable || name == tagsVariable
	case ast.SelectKind:
		if s := e.AsSelect(); !s.IsTestOnly() {
			u, ok := w.place(s.Operand(), scope)
			return u.step(s.FieldName()), ok && !u.keys
		}
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Index && call.Args()[1].Kind() == ast.LiteralKind {
			u, ok := w.place(call.Args()[0], scope)
			if name, named := text(call.Args()[1]); named {
				return u.step(string(name)), ok && !u.keys
			}
			return u.step("*"), ok && !u.keys
		}
	}
	return use{}, false
}

func isBound(name string, scope []boundTo) bool {
	return slices.ContainsFunc(scope, func(v boundTo) bool { return v.name == name })
}

func (u use) step(name string) use {
	u.path = append(slices.Clip(u.path), name)
	return u
}

// visit records what an expression looks at.
func (w *looker) visit(e ast.Expr, scope []boundTo) {
	if u, ok := w.place(e, scope); ok {
		u.whole = true
		w.add(u)
		return
	}
	switch e.Kind() {
	case ast.IdentKind:
		if name := strings.TrimPrefix(e.AsIdent(), "."); strings.HasPrefix(name, "_") && !w.plain && !isBound(name, scope) {
			w.refuse("names a variable that is not there")
		}
	case ast.SelectKind:
		w.presence(e.AsSelect(), scope)
	case ast.CallKind:
		w.call(e.AsCall(), scope)
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			w.visit(item, scope)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			w.visit(entry.AsMapEntry().Key(), scope)
			w.visit(entry.AsMapEntry().Value(), scope)
		}
	case ast.StructKind:
		w.refuse("makes an object")
	case ast.ComprehensionKind:
		w.comprehension(e.AsComprehension(), scope)
	}
}

// presence is has(), or a selection from something that is no place.
func (w *looker) presence(s ast.SelectExpr, scope []boundTo) {
	if u, ok := w.place(s.Operand(), scope); ok && s.IsTestOnly() {
		w.add(u.step(s.FieldName()))
		return
	}
	w.visit(s.Operand(), scope)
}

func (w *looker) call(c ast.CallExpr, scope []boundTo) {
	args := c.Args()
	if c.IsMemberFunction() {
		args = append([]ast.Expr{c.Target()}, args...)
	}
	switch {
	case c.FunctionName() == operators.Index && args[1].Kind() != ast.LiteralKind:
		w.refuse("indexes by something that is no constant")
		return
	case c.FunctionName() == "size" && len(args) == 1:
		if u, ok := w.place(args[0], scope); ok && w.container(args[0]) && len(u.path) > 0 {
			w.add(u)
			return
		}
	case c.FunctionName() == "matches" && len(args) == 2:
		if pattern, ok := text(args[1]); !ok || len(pattern) > maxRegex {
			w.refuse("takes a regular expression that is no constant, or is longer than 256 characters")
		}
	}
	for _, a := range args {
		w.visit(a, scope)
	}
}

// text is the text that a literal is.
func text(e ast.Expr) (types.String, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return s, ok
}

func (w *looker) container(e ast.Expr) bool {
	k := w.tree.GetType(e.ID()).Kind()
	return k == types.ListKind || k == types.MapKind
}

func (w *looker) comprehension(c ast.ComprehensionExpr, scope []boundTo) {
	for _, name := range []string{c.IterVar(), c.IterVar2(), c.AccuVar()} {
		if name == w.language.root || name == eventVariable || name == tagsVariable {
			w.refuse("gives a loop's variable the name of what an event has")
		}
	}
	var first, second *use
	if u, ok := w.place(c.IterRange(), scope); ok && w.container(c.IterRange()) && !u.keys && (len(u.path) > 0 || u.root == tagsVariable) {
		items := u.step("*")
		second = &items
		if first = &items; w.tree.GetType(c.IterRange().ID()).Kind() == types.MapKind {
			keys := u
			keys.keys = true
			first = &keys
		} else if c.IterVar2() != "" {
			first = nil // the position
		}
		w.add(u)
	} else {
		w.visit(c.IterRange(), scope)
	}
	w.visit(c.AccuInit(), scope)
	inner := append(slices.Clip(scope), boundTo{c.AccuVar(), nil})
	after := inner
	inner = append(slices.Clip(inner), boundTo{c.IterVar(), first})
	if c.IterVar2() != "" {
		inner = append(inner, boundTo{c.IterVar2(), second})
	}
	w.visit(c.LoopCondition(), inner)
	w.visit(c.LoopStep(), inner)
	w.visit(c.Result(), after)
}

func sameUse(a, b use) bool {
	return a.root == b.root && a.whole == b.whole && a.keys == b.keys && slices.Equal(a.path, b.path)
}

// at follows the steps of a use; nil where the schema does not say what is there.
func (s *shape) at(path []string) *shape {
	for _, step := range path {
		if s == nil {
			return nil
		}
		if next, ok := s.fields[step]; ok {
			s = next
		} else {
			s = s.items
		}
	}
	return s
}
