package processors

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"reflect"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/go-json-experiment/json/jsontext"
)

// record is an object of a body, with the fields that conditions select. A
// field that is absent, or has another type than the schema says, reads as
// null; an absent array or map reads as empty.
type record struct {
	object
	fields map[string]ref.Val
	nulls  *int // how many absent values were read, of the whole body
}

// object makes a record a CEL value that can only be selected from.
type object struct{ typ *types.Type }

func (o object) ConvertToNative(reflect.Type) (any, error) {
	return nil, errors.New("an object is not converted")
}
func (o object) ConvertToType(ref.Type) ref.Val { return types.NewErr("an object is not converted") }
func (o object) Type() ref.Type                 { return o.typ }
func (r *record) Value() any                    { return r }

// Equal compares what conditions select of two objects.
func (r *record) Equal(other ref.Val) ref.Val {
	o, ok := other.(*record)
	return types.Bool(ok && maps.EqualFunc(r.fields, o.fields, func(a, b ref.Val) bool { return types.Equal(a, b) == types.True }))
}

func member(target any, field string, f *shape) ref.Val {
	r, ok := target.(*record)
	if !ok {
		return f.absent()
	}
	if v, ok := r.fields[field]; ok && v != types.NullValue {
		return v
	}
	*r.nulls++
	return f.absent()
}

func isSet(target any, field string) bool {
	r, ok := target.(*record)
	if !ok {
		return false
	}
	v, ok := r.fields[field]
	return ok && v != types.NullValue
}

func (s *shape) absent() ref.Val {
	switch s.typ.Kind() {
	case types.ListKind:
		return types.NewRefValList(types.DefaultTypeAdapter, nil)
	case types.MapKind:
		return types.NewRefValMap(types.DefaultTypeAdapter, nil)
	}
	return types.NullValue
}

// wanted is a tree of the places of a body that conditions select.
type wanted struct {
	whole bool               // its value; of what the schema gives no type, only a scalar
	below map[string]*wanted // "*" for items and values
}

func (w *wanted) add(u use) {
	for _, step := range u.path {
		if w.below == nil {
			w.below = map[string]*wanted{}
		}
		if w.below[step] == nil {
			w.below[step] = &wanted{}
		}
		w = w.below[step]
	}
	w.whole = w.whole || u.whole
}

// at is what is wanted below a step, nil for nothing.
func (w *wanted) at(step string) *wanted {
	named, every := w.below[step], w.below["*"]
	if named == nil || every == nil {
		return cmp.Or(named, every)
	}
	both := &wanted{}
	both.join(named)
	both.join(every)
	return both
}

func (w *wanted) join(o *wanted) {
	w.whole = w.whole || o.whole
	for step, below := range o.below {
		if w.below == nil {
			w.below = map[string]*wanted{}
		}
		if w.below[step] == nil {
			w.below[step] = &wanted{}
		}
		w.below[step].join(below)
	}
}

func (l *look) wants(w *wanted) {
	for _, u := range l.uses {
		if u.root == bodyVariable {
			w.add(u)
		}
	}
}

// bodyReader reads the selected places of a body in one walk, without a tree
// of the rest.
type bodyReader struct {
	dec   *jsontext.Decoder
	nulls *int
}

// readBody reads what is wanted of a body. A body that is no JSON object has
// none of it.
func readBody(text string, s *shape, w *wanted) (r *record) {
	b := bodyReader{jsontext.NewDecoder(strings.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)), new(int)}
	nothing := &record{object: object{s.typ}, nulls: b.nulls}
	if b.dec.PeekKind() != '{' {
		return nothing
	}
	v, err := b.value(s, w)
	if found, ok := v.(*record); ok && err == nil {
		return found
	}
	return nothing
}

func (b bodyReader) value(s *shape, w *wanted) (ref.Val, error) {
	kind := b.dec.PeekKind()
	if s.typ.Kind() == types.DynKind {
		return b.anything(w)
	}
	switch {
	case kind == '{' && s.fields != nil:
		r := &record{object: object{s.typ}, fields: map[string]ref.Val{}, nulls: b.nulls}
		err := b.members(func(name string) (*shape, *wanted) { return s.fields[name], w.at(name) }, func(name string, v ref.Val) { r.fields[name] = v })
		return r, err
	case kind == '{' && s.typ.Kind() == types.MapKind:
		m := map[ref.Val]ref.Val{}
		err := b.members(func(name string) (*shape, *wanted) { return s.items, w.at(name) }, func(name string, v ref.Val) { m[types.String(name)] = v })
		return types.NewRefValMap(types.DefaultTypeAdapter, m), err
	case kind == '[' && s.typ.Kind() == types.ListKind:
		return b.list(s.items, w)
	case kind == '{' || kind == '[':
		return types.NullValue, b.dec.SkipValue()
	}
	tok, err := b.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	return b.scalar(s, kind, tok), nil
}

func (b bodyReader) members(of func(name string) (*shape, *wanted), take func(name string, v ref.Val)) error {
	if _, err := b.dec.ReadToken(); err != nil {
		return err
	}
	for b.dec.PeekKind() != '}' {
		tok, err := b.dec.ReadToken()
		if err != nil {
			return err
		}
		name := tok.String()
		s, w := of(name)
		if s == nil || w == nil {
			if err := b.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		v, err := b.value(s, w)
		if err != nil {
			return err
		}
		take(name, v)
	}
	_, err := b.dec.ReadToken()
	return err
}

func (b bodyReader) list(items *shape, w *wanted) (ref.Val, error) {
	if _, err := b.dec.ReadToken(); err != nil {
		return nil, err
	}
	below := w.at("*")
	var list []ref.Val
	for b.dec.PeekKind() != ']' {
		var v ref.Val = types.NullValue
		var err error
		if below == nil {
			err = b.dec.SkipValue()
		} else {
			v, err = b.value(items, below)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := b.dec.ReadToken()
	return types.NewRefValList(types.DefaultTypeAdapter, list), err
}

// scalar is a value of the type that the schema says, else null.
func (b bodyReader) scalar(s *shape, kind jsontext.Kind, tok jsontext.Token) ref.Val {
	switch s.typ.Kind() {
	case types.StringKind:
		if kind == '"' {
			return types.String(tok.String())
		}
	case types.BoolKind:
		if kind == 't' || kind == 'f' {
			return types.Bool(kind == 't')
		}
	case types.IntKind, types.DoubleKind:
		if kind == '0' {
			return number(s.typ.Kind(), tok.String())
		}
	}
	*b.nulls++
	return types.NullValue
}

func number(kind types.Kind, text string) ref.Val {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && kind == types.IntKind {
		return types.Int(n)
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return types.NullValue
	case kind == types.DoubleKind:
		return types.Double(f)
	case f == math.Trunc(f) && math.Abs(f) < 1<<53:
		return types.Int(int64(f))
	}
	return types.NullValue
}

// untyped is the shape of what the schema gives no type.
var untyped = &shape{typ: types.DynType}

// anything reads a value of which the schema tells no type, as far as it is
// wanted: what lies below it only by the names and items that are.
func (b bodyReader) anything(w *wanted) (ref.Val, error) {
	switch kind := b.dec.PeekKind(); {
	case kind == '{' && w.below != nil:
		m := map[ref.Val]ref.Val{}
		err := b.members(func(name string) (*shape, *wanted) { return untyped, w.at(name) }, func(name string, v ref.Val) { m[types.String(name)] = v })
		return types.NewRefValMap(types.DefaultTypeAdapter, m), err
	case kind == '[' && w.below["*"] != nil:
		return b.list(untyped, w)
	case kind == '{' || kind == '[':
		*b.nulls++
		return types.NullValue, b.dec.SkipValue()
	}
	tok, err := b.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch kind := tok.Kind(); kind {
	case '"':
		return types.String(tok.String()), nil
	case 't', 'f':
		return types.Bool(kind == 't'), nil
	case '0':
		return number(types.DoubleKind, tok.String()), nil
	}
	*b.nulls++
	return types.NullValue, nil
}
