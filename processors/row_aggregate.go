package processors

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// RowAggregation is what somebody asks of all rows of a view together.
type RowAggregation struct {
	By            string // field, "" for one group
	Where         string
	Sum, Min, Max string // fields, "" for none
}

// RowAggregate answers it: rows are added one by one.
type RowAggregate struct {
	query      *RowQuery
	by         []string
	byHidden   bool // the reader may not see the field: small groups have no name
	restricted bool // the reader may not see all classes: small groups are suppressed
	member     []string
	sum        *measure
	min, max   *measure
	groups     map[string]*RowGroup
	total      *RowGroup
}

// MaxRowGroups bounds the groups of one answer.
const MaxRowGroups = 1000

// ErrRowGroups says that there are more.
var ErrRowGroups = errors.New("more groups than one answer holds")

const (
	atBy  = "query.by"
	atSum = "query.sum"
	atMin = "query.min"
	atMax = "query.max"
)

// memberField is the field by which people are told apart.
const memberField = "memberId"

// Aggregate checks what is asked for. A reader who may not see all classes of
// the view gets no group of fewer than MinCell people. Beside that, such a
// reader may group by a field that is withheld unless it names or describes
// somebody, and add up one that is withheld, but not filter then: the
// difference of two answers would tell single rows.
func (l *RowLanguage) Aggregate(m *RowMask, a RowAggregation) (*RowAggregate, []events.Fault) {
	out := &RowAggregate{restricted: !m.SeesAll(), groups: map[string]*RowGroup{}}
	query, f := l.Query(m, RowQuestion{Where: a.Where})
	if f != nil {
		return nil, f
	}
	out.query = query
	var found faults
	hidden := false
	if a.By != "" {
		out.by, out.byHidden = strings.Split(a.By, "."), false
		t := l.typeAt(out.by)
		seen, own := m.looks(l.fields, out.by)
		query.ownOnly = query.ownOnly || own
		switch {
		case t == nil || rowScalar(t) == nil:
			found.add(UnknownField, atBy, "is no field of the row that has one value")
		case !seen && !l.groupable(m, out.by, t):
			found.add(NotVisible, atBy, "is a field that you may not see, and that names or describes somebody")
		default:
			out.byHidden = !seen
			hidden = hidden || !seen
		}
	}
	for _, want := range []struct {
		at, name string
		into     **measure
	}{{atSum, a.Sum, &out.sum}, {atMin, a.Min, &out.min}, {atMax, a.Max, &out.max}} {
		if want.name == "" {
			continue
		}
		seen, fault := out.measure(l, m, want.at, want.name, want.into)
		found, hidden = append(found, fault...), hidden || !seen
	}
	if hidden && a.Where != "" && len(found) == 0 {
		found.add(NotVisible, atWhere, "stands beside a field that you may not see: the difference of two answers would tell single rows")
	}
	if len(found) > 0 {
		return nil, found
	}
	if fieldNamed(l.fields, memberField) != nil {
		out.member = []string{memberField}
	}
	out.total = out.group(nil)
	return out, nil
}

// measure finds a field that can be added up or compared.
func (a *RowAggregate) measure(l *RowLanguage, m *RowMask, at, name string, into **measure) (seen bool, f faults) {
	path := strings.Split(name, ".")
	t := l.typeAt(path)
	if t == nil {
		f.add(UnknownField, at, "is no field of the row")
		return true, f
	}
	*into = &measure{path: path, of: t}
	if kind := rowScalar(t); kind == nil || !summable(t) && (at == atSum || t.Kind() == reflect.String || t.Kind() == reflect.Bool) {
		f.add(events.InvalidValue, at, "is no field of numbers, or for min and max of times")
		return true, f
	}
	seen, own := m.looks(l.fields, path)
	a.query.ownOnly = a.query.ownOnly || own
	if !seen && (at != atSum || !l.declared(path)) {
		f.add(NotVisible, at, "is a field that you may not see: its least and its greatest value are single rows'")
	}
	return seen, f
}

// groupable says whether rows may be grouped by a field that the reader may
// not see: it has a class, is not the key, and is neither an identifier nor
// free text.
func (l *RowLanguage) groupable(m *RowMask, path []string, t reflect.Type) bool {
	return l.declared(path) && t != reflect.TypeFor[events.ID]() && t != reflect.TypeFor[events.Text]() && path[len(path)-1] != m.keyName
}

// declared says whether every part of a place has a class, and none that rows
// name themselves.
func (l *RowLanguage) declared(path []string) bool {
	fields := l.fields
	for _, step := range path {
		f := fieldNamed(fields, step)
		if f == nil || f.Classes == nil && f.Below == nil {
			return false
		}
		for _, c := range f.Classes {
			if c == tables.ClassOfRow {
				return false
			}
		}
		fields = f.Below
	}
	return true
}

// typeAt is the type of a field of the row or of a record in it, behind
// pointers; nil where there is none, or where it lies in a list or map.
func (l *RowLanguage) typeAt(path []string) reflect.Type {
	fields := l.fields
	var t reflect.Type
	for _, step := range path {
		f := fieldNamed(fields, step)
		if f == nil || containers(f.Type) > 0 {
			return nil
		}
		if t = f.Type; t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		fields = f.Below
	}
	return t
}

// valueAt is the value of such a field, not valid where a row has none.
func (l *RowLanguage) valueAt(row reflect.Value, path []string) reflect.Value {
	fields := l.fields
	for _, step := range path {
		f := fieldNamed(fields, step)
		row = row.FieldByIndex(f.Index)
		if row.Kind() == reflect.Pointer {
			if row.IsNil() {
				return reflect.Value{}
			}
			row = row.Elem()
		}
		fields = f.Below
	}
	return row
}

// Add counts a row. It fails with ErrRowGroups.
func (a *RowAggregate) Add(row topology.Row) error {
	if _, ok := a.query.Takes(row); !ok {
		return nil
	}
	l, v := a.query.language, reflect.ValueOf(row)
	name := json.RawMessage("null")
	if a.by != nil {
		if value := l.valueAt(v, a.by); value.IsValid() {
			text, err := json.Marshal(value.Interface())
			if err != nil {
				return err
			}
			name = text
		}
		g := a.groups[string(name)]
		if g == nil {
			if len(a.groups) >= MaxRowGroups {
				return ErrRowGroups
			}
			g = a.group(name)
			a.groups[string(name)] = g
		}
		g.add(a, v)
	}
	a.total.add(a, v)
	return nil
}

// Spent is what the condition cost on all rows so far, in CEL's units.
func (a *RowAggregate) Spent() uint64 { return a.query.spent }

// Restricted says that small groups are suppressed for this reader.
func (a *RowAggregate) Restricted() bool { return a.restricted }

// Failed counts rows on which the condition gave no answer.
func (a *RowAggregate) Failed() int { return a.query.failed }
