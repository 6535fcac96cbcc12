package processors

import (
	"reflect"
	"slices"
	"strings"

	"payerflow/tables"
)

// RowColumn is a field of a row in a table of rows.
type RowColumn struct {
	Path   []string
	Number bool // its text is a number's
}

// Columns are the fields that are shown, in order: those of a record in the
// row one by one, lists and maps as one.
func (q *RowQuery) Columns() []RowColumn {
	if q.chosen == nil {
		return columns(q.language.fields, nil)
	}
	var out []RowColumn
	for _, name := range q.chosen {
		for _, c := range q.language.under(strings.Split(name, ".")) {
			if !slices.ContainsFunc(out, func(o RowColumn) bool { return slices.Equal(o.Path, c.Path) }) {
				out = append(out, c)
			}
		}
	}
	return out
}

// under are the columns of a field. Of one in a list, the list is the column.
func (l *RowLanguage) under(path []string) []RowColumn {
	fields := l.fields
	for i, step := range path {
		f := fieldNamed(fields, step)
		switch {
		case f == nil:
			return nil
		case containers(f.Type) > 0:
			return []RowColumn{{Path: path[:i+1]}}
		case i == len(path)-1 && f.Below != nil:
			return columns(f.Below, path)
		case i == len(path)-1:
			return []RowColumn{{path, numeric(f)}}
		}
		fields = f.Below
	}
	return nil
}

func columns(fields []tables.RowField, at []string) (out []RowColumn) {
	for i := range fields {
		f := &fields[i]
		path := append(append([]string{}, at...), f.Name)
		if f.Below != nil && containers(f.Type) == 0 {
			out = append(out, columns(f.Below, path)...)
			continue
		}
		out = append(out, RowColumn{path, numeric(f)})
	}
	return out
}

func numeric(f *tables.RowField) bool {
	t := f.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return summable(t)
}
