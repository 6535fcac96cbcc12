package processors

import (
	"fmt"
	"slices"
	"strings"

	"payerflow/events"
	"payerflow/tables"
)

// choose narrows what is shown to some fields: a, or a.b for a field of a
// record, or of all records of a list.
func (l *RowLanguage) choose(m *RowMask, names []string) (*RowMask, []events.Fault) {
	var f faults
	open, closed := rowPlan{byRow: m.open.byRow}, rowPlan{byRow: m.closed.byRow}
	for i, name := range names {
		path := strings.Split(name, ".")
		known, seen := m.chosen(l.fields, path)
		if !known {
			f.add(UnknownField, atFields, fmt.Sprintf("field %d is none of the row's", i+1))
			continue
		}
		if !seen {
			f.add(NotVisible, atFields, fmt.Sprintf("field %d is one that you may not see", i+1))
			continue
		}
		open.take(m.open, l.fields, path)
		closed.take(m.closed, l.fields, path)
	}
	if len(f) > 0 {
		return m, f
	}
	chosen := *m
	chosen.open, chosen.closed = open, closed
	return &chosen, nil
}

// chosen says whether there is a field, and whether the reader sees it.
func (m *RowMask) chosen(fields []tables.RowField, path []string) (known, seen bool) {
	seen = true
	for _, step := range path {
		f := fieldNamed(fields, step)
		if f == nil {
			return false, false
		}
		frame := f.Classes == nil && f.Below != nil && !tables.NamesAreData(f.Type)
		seen = seen && (frame || m.sees(f.Classes, true))
		fields = f.Below
	}
	return true, seen
}

// take adds a field of another plan, and what it lies in.
func (p *rowPlan) take(from rowPlan, fields []tables.RowField, path []string) {
	i := slices.IndexFunc(fields, func(f tables.RowField) bool { return f.Name == path[0] })
	if i < 0 {
		return
	}
	field := from.fields[i]
	at := slices.IndexFunc(p.fields, func(f plannedField) bool { return string(f.name) == string(field.name) })
	if len(path) == 1 || field.withheld {
		if at >= 0 {
			p.fields[at] = field
		} else {
			p.fields = append(p.fields, field)
		}
		return
	}
	if at >= 0 && !p.fields[at].narrow {
		return // the whole field is chosen
	}
	if at < 0 {
		narrowed := field
		narrowed.below, narrowed.narrow = &rowPlan{}, true
		p.fields = append(p.fields, narrowed)
		at = len(p.fields) - 1
	}
	below := field.below
	if below == nil { // shown as it is
		whole := from.all(fields[i].Below)
		below = &whole
	}
	p.fields[at].below.take(*below, fields[i].Below, path[1:])
}

// all is a plan that shows every field as it is.
func (p rowPlan) all(fields []tables.RowField) (out rowPlan) {
	for _, f := range fields {
		out.fields = append(out.fields, plannedField{name: fieldName(f.Name), index: f.Index, omit: f.Omit, classed: true})
	}
	return out
}
