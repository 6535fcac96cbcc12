package processors

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// RowLanguage answers: which rows of a view does a condition mean? It is CEL
// over the fields of the view's rows, as row.NAME.
type RowLanguage struct {
	fields   []tables.RowField
	language *language
}

// rowLooks bounds the texts that are remembered for a view.
const rowLooks = 200

// NewRowLanguage reads the types of a view's rows.
func NewRowLanguage(row reflect.Type) (*RowLanguage, error) {
	fields := tables.RowFields(row)
	body, structs := rowShapes(fields)
	l, err := languageOf(rowVariable, body, structs)
	if err != nil {
		return nil, err
	}
	l.looks.most = rowLooks
	return &RowLanguage{fields, l}, nil
}

// RowQuestion is what somebody asks of the rows of a view.
type RowQuestion struct {
	Where  string   // CEL, "" for all
	Sort   []string // fields, from the first on; a - before one: from high to low
	Fields []string // that are shown, none for all
}

// RowQuery is a question that was checked for one reader.
type RowQuery struct {
	language *RowLanguage
	mask     *RowMask
	where    *condition // nil: all rows
	want     *wanted
	sort     []sortKey
	chosen   []string // fields that are shown, nil: all
	ownOnly  bool     // it looks at what rows class themselves: other rows do not count
	spent    uint64   // cost of all rows
	failed   int
}

type sortKey struct {
	path []string
	down bool
}

// What the parts of a question are called in faults.
const (
	atWhere  = "query.where"
	atSort   = "query.sort"
	atFields = "query.fields"
)

// maxSortKeys is how many fields rows are sorted by at most.
const maxSortKeys = 3

// Query checks a question for a reader. What the reader may not see cannot be
// asked about, sorted by or chosen: the answer would tell it. Faults say where,
// and repeat nothing of what was asked.
func (l *RowLanguage) Query(m *RowMask, q RowQuestion) (*RowQuery, []events.Fault) {
	out := &RowQuery{language: l, mask: m, want: &wanted{}}
	var f faults
	if q.Where != "" {
		f = append(f, out.filter(q.Where)...)
	}
	if len(q.Sort) > maxSortKeys {
		f.add(InvalidCEL, atSort, fmt.Sprintf("names more than %d fields", maxSortKeys))
		return nil, f
	}
	for i, name := range q.Sort {
		key := sortKey{down: strings.HasPrefix(name, "-")}
		var fault []events.Fault
		if key.path, fault = out.scalar(atSort, i, strings.TrimPrefix(name, "-")); fault != nil {
			f = append(f, fault...)
		}
		out.sort = append(out.sort, key)
	}
	if len(q.Fields) > 0 {
		chosen, fault := l.choose(m, q.Fields)
		f, out.mask, out.chosen = append(f, fault...), chosen, q.Fields
	}
	if len(f) > 0 {
		return nil, f
	}
	return out, nil
}

// filter checks a condition.
func (q *RowQuery) filter(text string) (f faults) {
	c := q.language.language.condition(text)
	for _, fault := range c.faults {
		f.add(fault.ReasonCode, atWhere, rowReason(fault.Reason))
	}
	if len(f) > 0 {
		return f
	}
	for _, u := range c.uses {
		ok, own := q.mask.looks(q.language.fields, u.path)
		f.unless(ok, NotVisible, atWhere, "looks at "+strings.Join(append([]string{rowVariable}, u.path...), ".")+", which you may not see: which rows come would tell it")
		q.ownOnly = q.ownOnly || own
	}
	c.wants(q.want)
	q.where = c
	return f
}

// rowReason is a fault of CEL without the names that it repeats.
func rowReason(reason string) string {
	place, message, found := strings.Cut(reason, ": ")
	if !found || !strings.HasPrefix(place, "line ") {
		return reason
	}
	for prefix, plain := range map[string]string{"undefined field": "names a field that rows do not have", "undeclared reference": "names what is not there; fields are row.NAME",
		"found no matching overload": "compares or combines what does not fit"} {
		if strings.HasPrefix(message, prefix) {
			return place + ": " + plain
		}
	}
	return reason
}

// scalar finds the place of a field that has one value, and asks for it.
func (q *RowQuery) scalar(at string, i int, name string) ([]string, []events.Fault) {
	path := strings.Split(name, ".")
	s := q.language.language.body
	for _, step := range path {
		if s != nil {
			s = s.fields[step]
		}
	}
	if s == nil {
		return nil, fault(UnknownField, at, fmt.Sprintf("field %d is none of the row's", i+1))
	}
	if s.fields != nil || s.items != nil {
		return nil, fault(InvalidCEL, at, fmt.Sprintf("field %d is a list, map or record", i+1))
	}
	ok, own := q.mask.looks(q.language.fields, path)
	if !ok {
		return nil, fault(NotVisible, at, fmt.Sprintf("field %d is one that you may not see: the answer would tell it", i+1))
	}
	q.ownOnly = q.ownOnly || own
	q.want.add(use{root: bodyVariable, path: path, whole: true})
	return path, nil
}

// looks says whether a place may be seen in every row, or else in those whose
// own classes the reader may see.
func (m *RowMask) looks(fields []tables.RowField, path []string) (ok, own bool) {
	layers := 0 // lists and maps that the next steps go into
	for _, step := range path {
		if layers > 0 {
			layers--
			continue
		}
		f := fieldNamed(fields, step)
		if f == nil || f.Classes == nil && (f.Below == nil || tables.NamesAreData(f.Type)) || f.Classes != nil && !m.sees(f.Classes, true) {
			return false, false
		}
		own = own || !m.sees(f.Classes, false) && f.Classes != nil
		fields, layers = f.Below, containers(f.Type)
	}
	return len(path) > 0, own
}

func fieldNamed(fields []tables.RowField, name string) *tables.RowField {
	for i := range fields {
		if fields[i].Name == name {
			return &fields[i]
		}
	}
	return nil
}

func containers(t reflect.Type) (n int) {
	for !tables.PlainValue(t) {
		switch t.Kind() {
		case reflect.Slice, reflect.Array, reflect.Map:
			n++
			fallthrough
		case reflect.Pointer:
			t = t.Elem()
		default:
			return n
		}
	}
	return n
}

// RowMatch is a row that a question takes, with what it is sorted by.
type RowMatch struct{ keys []ref.Val }

// Takes says whether a row is one of those that are asked for. A row on which
// the condition fails, as by a division by zero, is none, and is counted.
func (q *RowQuery) Takes(row topology.Row) (RowMatch, bool) {
	if q.ownOnly {
		if open, _ := q.mask.rowOpen(row); !open {
			return RowMatch{}, false
		}
	}
	r := q.read(row)
	if q.where != nil {
		held, failure, spent := q.where.holds(&occasion{shape: q.language.language.body, want: q.want, body: r})
		q.spent += spent
		if failure != "" {
			q.failed++
		}
		if !held {
			return RowMatch{}, false
		}
	}
	m := RowMatch{}
	for _, k := range q.sort {
		m.keys = append(m.keys, r.at(k.path))
	}
	return m, true
}

func (q *RowQuery) read(row topology.Row) *record {
	return readRow(reflect.ValueOf(row), q.language.fields, q.language.language.body, q.want)
}

// at is the value of a field, null where there is none.
func (r *record) at(path []string) ref.Val {
	for _, step := range path[:len(path)-1] {
		next, ok := r.fields[step].(*record)
		if !ok {
			return types.NullValue
		}
		r = next
	}
	if v, ok := r.fields[path[len(path)-1]]; ok {
		return v
	}
	return types.NullValue
}

// Compare orders two rows as the question asks. What has no value comes last.
func (q *RowQuery) Compare(a, b RowMatch) int {
	for i, k := range q.sort {
		x, y := a.keys[i], b.keys[i]
		if x == types.NullValue || y == types.NullValue {
			if c := cmp.Compare(rank(x), rank(y)); c != 0 {
				return c
			}
			continue
		}
		c := 0
		if comparer, ok := x.(traits.Comparer); ok {
			if n, ok := comparer.Compare(y).(types.Int); ok {
				c = int(n)
			}
		}
		if k.down {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func rank(v ref.Val) int {
	if v == types.NullValue {
		return 1
	}
	return 0
}

// Sorted says whether the question asks for an order.
func (q *RowQuery) Sorted() bool { return len(q.sort) > 0 }

// Spent is what the condition cost on all rows so far, in CEL's units.
func (q *RowQuery) Spent() uint64 { return q.spent }

// Failed counts rows on which the condition gave no answer.
func (q *RowQuery) Failed() int { return q.failed }

// Mask is what is shown of the rows.
func (q *RowQuery) Mask() *RowMask { return q.mask }
