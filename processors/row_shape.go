package processors

import (
	"encoding"
	"reflect"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"payerflow/events"
	"payerflow/tables"
)

// Sizes that are assumed of what a row holds.
const (
	rowText  = 1 << 10 // characters
	rowItems = 1000
)

// rowShapes gives the fields of a row their types in CEL: money is a double,
// an instant a timestamp, a date the text of it. It returns the shapes of all
// records, by the name of their type.
func rowShapes(fields []tables.RowField) (*shape, map[string]*shape) {
	structs := map[string]*shape{}
	return rowRecord(fields, rowVariable, structs), structs
}

func rowRecord(fields []tables.RowField, at string, structs map[string]*shape) *shape {
	s := &shape{typ: types.NewObjectType("json." + at), fields: map[string]*shape{}}
	structs["json."+at] = s
	for _, f := range fields {
		if below := rowShape(f.Type, f.Below, at+"."+f.Name, structs); below != nil {
			s.fields[f.Name] = below
		}
	}
	return s
}

// rowShape is nil for a type that conditions cannot ask about.
func rowShape(t reflect.Type, below []tables.RowField, at string, structs map[string]*shape) *shape {
	if scalar := rowScalar(t); scalar != nil {
		return &shape{typ: types.NewNullableType(scalar), most: rowText}
	}
	if tables.PlainValue(t) && t.Kind() != reflect.Pointer {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return rowShape(t.Elem(), below, at, structs)
	case reflect.Struct:
		return rowRecord(below, at, structs)
	case reflect.Slice, reflect.Array:
		if items := rowShape(t.Elem(), below, at+".items", structs); items != nil {
			return &shape{typ: types.NewListType(items.typ), items: items, most: rowItems}
		}
	case reflect.Map:
		if values := rowShape(t.Elem(), below, at+".values", structs); values != nil && t.Key().Kind() == reflect.String {
			return &shape{typ: types.NewMapType(types.StringType, values.typ), items: values, most: rowItems}
		}
	}
	return nil
}

// rowScalar is the type of a value in CEL, nil where it is none.
func rowScalar(t reflect.Type) *types.Type {
	switch t {
	case reflect.TypeFor[events.Money]():
		return types.DoubleType
	case reflect.TypeFor[events.Instant](), reflect.TypeFor[time.Time]():
		return types.TimestampType
	case reflect.TypeFor[events.Date]():
		return types.StringType
	}
	switch kind := t.Kind(); {
	case tables.PlainValue(t) && t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) && kind != reflect.Pointer, kind == reflect.String:
		return types.StringType
	case tables.PlainValue(t):
		return nil
	case kind == reflect.Bool:
		return types.BoolType
	case kind >= reflect.Int && kind <= reflect.Uint64:
		return types.IntType
	case kind == reflect.Float32, kind == reflect.Float64:
		return types.DoubleType
	}
	return nil
}

// rowReader reads the places of a row that a question asks for.
type rowReader struct{ nulls *int }

// readRow is the record of a row, with what is wanted of it.
func readRow(row reflect.Value, fields []tables.RowField, s *shape, w *wanted) *record {
	return rowReader{new(int)}.record(row, fields, s, w)
}

func (b rowReader) record(v reflect.Value, fields []tables.RowField, s *shape, w *wanted) *record {
	r := &record{object: object{s.typ}, fields: make(map[string]ref.Val, len(w.below)), nulls: b.nulls}
	for i := range fields {
		f := &fields[i]
		shape, wanted := s.fields[f.Name], w.at(f.Name)
		if shape != nil && wanted != nil {
			r.fields[f.Name] = b.value(v.FieldByIndex(f.Index), f.Below, shape, wanted)
		}
	}
	return r
}

func (b rowReader) value(v reflect.Value, below []tables.RowField, s *shape, w *wanted) ref.Val {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return types.NullValue
		}
		v = v.Elem()
	}
	switch s.typ.Kind() {
	case types.StructKind:
		return b.record(v, below, s, w)
	case types.ListKind:
		items := make([]ref.Val, v.Len())
		each := w.at("*")
		for i := range items {
			if items[i] = types.NullValue; each != nil {
				items[i] = b.value(v.Index(i), below, s.items, each)
			}
		}
		return types.NewRefValList(types.DefaultTypeAdapter, items)
	case types.MapKind:
		named := map[ref.Val]ref.Val{}
		for it := v.MapRange(); it.Next(); {
			name := it.Key().String()
			var value ref.Val = types.NullValue
			if each := w.at(name); each != nil {
				value = b.value(it.Value(), below, s.items, each)
			}
			named[types.String(name)] = value
		}
		return types.NewRefValMap(types.DefaultTypeAdapter, named)
	}
	return rowValue(v)
}

func rowValue(v reflect.Value) ref.Val {
	switch x := v.Interface().(type) {
	case events.Money:
		return types.Double(float64(x) / 100)
	case events.Instant:
		return types.Timestamp{Time: x.Time()}
	case time.Time:
		return types.Timestamp{Time: x.UTC()}
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		if err != nil {
			return types.NullValue
		}
		return types.String(text)
	}
	switch kind := v.Kind(); {
	case kind == reflect.String:
		return types.String(v.String())
	case kind == reflect.Bool:
		return types.Bool(v.Bool())
	case kind >= reflect.Int && kind <= reflect.Int64:
		return types.Int(v.Int())
	case kind >= reflect.Uint && kind <= reflect.Uint64:
		return types.Int(min(v.Uint(), 1<<63-1))
	case kind == reflect.Float32, kind == reflect.Float64:
		return types.Double(v.Float())
	}
	return types.NullValue
}
