package tables

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// ClassOfRow is the class of a field that says that the row itself names the
// classes of what the field holds: the row is a Classed.
const ClassOfRow = "ROW"

// Classed is a row that holds what its definition chose, as an aggregate does.
type Classed interface {
	// RowClasses are the classes that a reader needs, each of them, to see the
	// fields of the class ClassOfRow. None shows them to nobody: PUBLIC is said.
	RowClasses() []string
}

// RowField is one field of a row, or of a record within it.
//
// Its tag names the classes that a reader needs, each of them, to see it:
//
//	class:"PHI"  class:"PHI,BANK"  class:"PUBLIC"
//
// A list or map with a tag is seen or withheld as a whole, names and length
// included; what records in it hold needs classes of its own. A record without
// a tag is shown as a frame around its fields. Anything else without a tag is
// withheld from everybody.
type RowField struct {
	Name    string   // in JSON
	Pointer string   // JSON pointer of the place; "*" is each item, or the value of each name
	Classes []string // nil: none is declared
	From    []string // fields of events that it follows from, beside one of its own name
	Index   []int    // of reflect.Value.FieldByIndex
	Omit    bool     // absent where it is empty
	Type    reflect.Type
	Below   []RowField // of the record that it is, or that its items or values are; nil for a value
}

// RowFields are the fields of a row's type as JSON shows them, in order.
func RowFields(row reflect.Type) []RowField { return fieldsOf(row, "", nil, 0) }

// maxRowDepth ends types that hold themselves.
const maxRowDepth = 12

func fieldsOf(t reflect.Type, at string, index []int, depth int) (out []RowField) {
	if t.Kind() != reflect.Struct || depth > maxRowDepth {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		place := append(slices.Clip(index), i)
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			out = append(out, fieldsOf(f.Type, at, place, depth+1)...)
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		field := RowField{Name: name, Pointer: at + "/" + name, Classes: listed(f.Tag.Get("class")), From: listed(f.Tag.Get("from")),
			Index: place, Omit: strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero"), Type: f.Type}
		record, below := recordIn(f.Type, field.Pointer)
		if record != nil {
			field.Below = fieldsOf(record, below, nil, depth+1)
		}
		out = append(out, field)
	}
	return out
}

// recordIn is the record that a type is, points to, or lists, nil where it is
// a value, and the pointer of its fields.
func recordIn(t reflect.Type, at string) (reflect.Type, string) {
	for !PlainValue(t) {
		switch t.Kind() {
		case reflect.Struct:
			return t, at
		case reflect.Slice, reflect.Array, reflect.Map:
			at += "/*"
			fallthrough
		case reflect.Pointer:
			t = t.Elem()
		default:
			return nil, ""
		}
	}
	return nil, ""
}

// NamesAreData says whether a type holds a map, whose names no schema knows.
func NamesAreData(t reflect.Type) bool {
	for !PlainValue(t) {
		switch t.Kind() {
		case reflect.Map:
			return true
		case reflect.Slice, reflect.Array, reflect.Pointer:
			t = t.Elem()
		default:
			return false
		}
	}
	return false
}

// PlainValue says whether JSON shows a type as one value, whatever Go makes of it.
func PlainValue(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) || t.Implements(reflect.TypeFor[json.Marshaler]()) ||
		t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// listed takes a tag apart; "" is nil.
func listed(tag string) []string {
	if tag == "" {
		return nil
	}
	return strings.Split(tag, ",")
}

// EachRowField calls f with a row's fields and with those of all records in it.
func EachRowField(fields []RowField, f func(RowField)) {
	for _, field := range fields {
		f(field)
		EachRowField(field.Below, f)
	}
}

// RowClasses are all classes that a row's fields declare beside PUBLIC and
// ClassOfRow, sorted.
func RowClasses(fields []RowField) []string {
	classes := []string{}
	EachRowField(fields, func(f RowField) {
		for _, c := range f.Classes {
			if c != ClassPublic && c != ClassOfRow {
				classes = append(classes, c)
			}
		}
	})
	slices.Sort(classes)
	return slices.Compact(classes)
}
