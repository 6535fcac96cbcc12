package processors

import (
	"crypto/hmac"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"sync"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
)

// Unclassified stands, among the classes that an answer withholds, for fields
// that declare none.
const Unclassified = "UNCLASSIFIED"

// RowMask answers: what may this reader see of the rows of one view? It is
// compiled once for a view and a set of classes, never changes, and may be
// used by any number of goroutines. What declares no class is withheld.
type RowMask struct {
	all      bool // every class may be seen
	classes  map[string]bool
	key      []string // classes of the key
	keyName  string   // the field that has it
	open     rowPlan  // of rows whose own classes may be seen
	closed   rowPlan  // of others
	withheld []string // classes, sorted
	used     []string // classes that the rows declare, sorted
	keys     *Mask    // hashes keys as it does for events
}

// RowMask compiles what readers who may see these classes see of a view's rows.
func (r *Rules) RowMask(v topology.Served, classes map[string]bool) *RowMask {
	return newRowMask(v, classes, false, r.secret)
}

// WholeRows is what readers see who may see all classes.
func (r *Rules) WholeRows(v topology.Served) *RowMask { return newRowMask(v, nil, true, r.secret) }

func newRowMask(v topology.Served, classes map[string]bool, all bool, secret []byte) *RowMask {
	m := &RowMask{all: all, classes: map[string]bool{tables.ClassPublic: true}, keys: &Mask{hashes: keyHashes(secret)}}
	maps.Copy(m.classes, classes)
	maps.DeleteFunc(m.classes, func(_ string, may bool) bool { return !may })
	fields := tables.RowFields(v.Row)
	m.keyName = v.Key
	if v.KeyClass != "" {
		m.key = []string{v.KeyClass}
	}
	for _, f := range fields {
		if f.Name == v.Key && m.key == nil {
			m.key = f.Classes
		}
	}
	m.open, m.closed = m.plan(fields, true), m.plan(fields, false)
	m.used = tables.RowClasses(fields)
	tables.EachRowField(fields, func(f tables.RowField) { m.withheld = append(m.withheld, m.lacks(f.Classes)...) })
	if len(m.open.unclassified()) > 0 {
		m.withheld = append(m.withheld, Unclassified)
	}
	m.withheld = append(m.withheld, m.lacks(m.key)...)
	slices.Sort(m.withheld)
	m.withheld = slices.Compact(m.withheld)
	return m
}

// keyHashes are HMACs for keys that may not be seen; nil without a secret.
func keyHashes(secret []byte) *sync.Pool {
	if len(secret) == 0 {
		return nil
	}
	key := derived(secret, "payerflow redacted key")
	return &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}
}

// lacks are the classes that a reader would need beside those that they have.
func (m *RowMask) lacks(classes []string) (out []string) {
	for _, c := range classes {
		if !m.all && !m.classes[c] && c != tables.ClassOfRow {
			out = append(out, c)
		}
	}
	return out
}

// sees says whether a field of these classes may be seen. row says that what
// the row itself names may be.
func (m *RowMask) sees(classes []string, row bool) bool {
	return len(classes) > 0 && len(m.lacks(classes)) == 0 && (row || !slices.Contains(classes, tables.ClassOfRow))
}

// Whole says that nothing of any row is withheld.
func (m *RowMask) Whole() bool { return m.all && len(m.withheld) == 0 }

// ID is equal for masks that show the same of a view.
func (m *RowMask) ID() string {
	if m.all {
		return "*"
	}
	return strings.Join(slices.Sorted(maps.Keys(m.classes)), ",")
}

// Shown are those of the named classes that the mask lets through, sorted.
func (m *RowMask) Shown(of []string) []string {
	var out []string
	for _, c := range of {
		if m.all || m.classes[c] {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return out
}

// SeesAll says whether the mask lets all classes through that rows of the view
// may hold, those that rows name themselves among them.
func (m *RowMask) SeesAll() bool { return m.all || len(m.withheld) == 0 && !m.closed.byRow }

// Shown is a row as a reader may see it.
type Shown struct {
	Key      string
	Value    any      // of JSON
	Withheld []string // classes, sorted; empty: nothing is
}

// Show is a row as the reader may see it. A key that may not be seen is the
// keyed hash that stands for it in copies of events too.
func (m *RowMask) Show(key string, row topology.Row) (Shown, error) {
	open, missing := m.rowOpen(row)
	out := Shown{Key: key, Value: row, Withheld: m.withheld}
	if len(missing) > 0 {
		out.Withheld = append(slices.Clone(out.Withheld), missing...)
		slices.Sort(out.Withheld)
		out.Withheld = slices.Compact(out.Withheld)
	}
	var err error
	if !m.sees(m.key, open) {
		if out.Key, err = m.hashed(key); err != nil {
			return Shown{}, err
		}
	}
	plan := m.closed
	if open {
		plan = m.open
	}
	if !plan.whole {
		out.Value, err = plan.json(row)
	}
	return out, err
}

// hashed is the keyed hash of a key of this view.
func (m *RowMask) hashed(key string) (string, error) {
	class := ""
	if len(m.key) > 0 {
		class = m.key[0]
	}
	id, err := m.keys.hashed(class, events.ID(key))
	return string(id), err
}

// rowOpen says whether what a row names itself may be seen, and which of its
// classes may not.
func (m *RowMask) rowOpen(row topology.Row) (open bool, missing []string) {
	c, ok := row.(tables.Classed)
	if !ok {
		return true, nil
	}
	classes := c.RowClasses()
	if missing = m.lacks(classes); len(classes) == 0 {
		missing = []string{Unclassified}
	}
	return len(missing) == 0, missing
}

// RowClasses are the classes of a view's rows that a team, or one application
// of it, may see: those that a permission shows of every event type that goes
// into the rows.
func (r *Rules) RowClasses(team, application string, types []string) map[string]bool {
	seen := map[string]bool{}
	for _, p := range r.granted[team] {
		if p.Application != "" && p.Application != application || seen[p.Class] {
			continue
		}
		if len(p.EventTypes) == 0 || slices.Contains(p.EventTypes, "*") {
			seen[p.Class] = true
			continue
		}
		seen[p.Class] = len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return !r.Classes(team, application, t)[p.Class] })
	}
	maps.DeleteFunc(seen, func(_ string, may bool) bool { return !may })
	return seen
}
