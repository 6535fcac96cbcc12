package processors

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"payerflow/tables"
)

// rowPlan says how a record is written for one reader.
type rowPlan struct {
	fields []plannedField
	whole  bool // as it is
	byRow  bool // some field has the class that its row says
}

type plannedField struct {
	name     []byte // with the colon
	index    []int
	omit     bool
	withheld bool
	classed  bool     // has a class, or is a frame
	narrow   bool     // only some fields below were chosen
	below    *rowPlan // to be written field by field
}

// plan compiles how records of these fields are written. row says that what
// the row itself names may be seen.
func (m *RowMask) plan(fields []tables.RowField, row bool) rowPlan {
	p := rowPlan{whole: true}
	for _, f := range fields {
		out := plannedField{name: fieldName(f.Name), index: f.Index, omit: f.Omit, classed: f.Classes != nil}
		if f.Below != nil {
			below := m.plan(f.Below, row)
			out.classed = out.classed || !tables.NamesAreData(f.Type)
			out.withheld = !m.sees(f.Classes, row) && (f.Classes != nil || !out.classed)
			p.byRow = p.byRow || below.byRow
			if out.below = &below; below.whole {
				out.below = nil
			}
		} else {
			out.withheld = !m.sees(f.Classes, row)
		}
		p.byRow = p.byRow || slices.Contains(f.Classes, tables.ClassOfRow)
		p.whole = p.whole && !out.withheld && out.below == nil
		p.fields = append(p.fields, out)
	}
	return p
}

// fieldName is a name as JSON has it, with the colon.
func fieldName(name string) []byte {
	text, _ := json.Marshal(name) // a text
	return append(text, ':')
}

// unclassified are the fields that nobody sees, of all records.
func (p rowPlan) unclassified() (out []plannedField) {
	for _, f := range p.fields {
		if !f.classed {
			out = append(out, f)
		} else if f.below != nil {
			out = append(out, f.below.unclassified()...)
		}
	}
	return out
}

// json writes a row as the plan says. A withheld field is there whether the
// row has a value for it or not.
func (p rowPlan) json(row any) (json.RawMessage, error) {
	return p.record(make([]byte, 0, 4096), reflect.ValueOf(row))
}

func (p rowPlan) record(out []byte, v reflect.Value) ([]byte, error) {
	out = append(out, '{')
	for _, f := range p.fields {
		if f.withheld {
			out = append(append(comma(out), f.name...), withheld...)
			continue
		}
		value := v.FieldByIndex(f.index)
		if f.omit && isEmpty(value) {
			continue
		}
		out = append(comma(out), f.name...)
		var err error
		switch {
		case f.below != nil:
			out, err = f.below.value(out, value)
		default:
			out, err = appendJSON(out, value)
		}
		if err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

// comma parts a field from the one before.
func comma(out []byte) []byte {
	if out[len(out)-1] == '{' {
		return out
	}
	return append(out, ',')
}

// value writes what holds records: one, a list of them, or a map.
func (p rowPlan) value(out []byte, v reflect.Value) ([]byte, error) {
	var err error
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(out, "null"...), nil
		}
		return p.value(out, v.Elem())
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return append(out, "null"...), nil
		}
		out = append(out, '[')
		for i := range v.Len() {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = p.value(out, v.Index(i)); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	case reflect.Map:
		return p.named(out, v)
	case reflect.Struct:
		return p.record(out, v)
	}
	return nil, fmt.Errorf("a row holds a %s where a record is planned", v.Kind())
}

func (p rowPlan) named(out []byte, v reflect.Value) ([]byte, error) {
	values := map[string]reflect.Value{}
	for it := v.MapRange(); it.Next(); {
		values[it.Key().String()] = it.Value()
	}
	out = append(out, '{')
	for i, name := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			out = append(out, ',')
		}
		text, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		if out, err = p.value(append(append(out, text...), ':'), values[name]); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func appendJSON(out []byte, v reflect.Value) ([]byte, error) {
	switch v.Kind() {
	case reflect.Bool:
		if !tables.PlainValue(v.Type()) {
			return strconv.AppendBool(out, v.Bool()), nil
		}
	case reflect.Pointer:
		if v.IsNil() {
			return append(out, "null"...), nil
		}
	}
	b, err := json.Marshal(v.Interface())
	return append(out, b...), err
}

// isEmpty is what omitempty means.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
