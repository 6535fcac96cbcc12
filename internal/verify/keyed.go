package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"payerflow/codecs"
)

const rowBytes = 2<<20 - 64<<10

// shelf keeps what came of each key: F is what the log says of one.
type shelf[F any] map[string]*F

func (s shelf[F]) of(key string) *F {
	if s[key] == nil {
		s[key] = new(F)
	}
	return s[key]
}

// taking is where sources of a model put what they read: of the keys that the
// pass wants, onto the shelf of the pass.
type taking[F any] struct {
	wants func(key string) bool
	into  func() shelf[F]
}

// keyed makes rows out of what came of each key, all at once.
type keyed[F, R any] struct {
	from  func(taking[F]) ([]source, error)
	make  func(key string, of *F) (R, bool) // false: nothing was made of it
	read  func([]byte) (R, error)
	also  func(key string, of *F) []any // rows that are as right; nil: none
	skips func(of *F) bool              // of what a row is not worked out; nil: of nothing
	facts shelf[F]
	since shelf[F]
	into  *shelf[F]
}

// keyedOf is a model whose rows lie in a table.
func keyedOf[F, R any](l *Log, table string, from func(taking[F]) ([]source, error), row func(string, *F) (R, bool)) (*keyed[F, R], error) {
	read, _, err := decoder(codecs.NewAvro[R](table, rowBytes), l.Schemas, table)
	return &keyed[F, R]{from: from, make: row, read: read}, err
}

// rowsOf checks a view by such a model.
func rowsOf[F, R any](ctx context.Context, l *Log, v View, http *Answers, wait time.Duration, from func(taking[F]) ([]source, error), row func(string, *F) (R, bool)) (*Check, error) {
	m, err := keyedOf(l, v.Table, from, row)
	if err != nil {
		return nil, err
	}
	return l.rows(ctx, v, m, http, wait)
}

func (m *keyed[F, R]) sources(wants func(string) bool) ([]source, error) {
	return m.from(taking[F]{wants, func() shelf[F] { return *m.into }})
}

func (m *keyed[F, R]) begin() { m.facts, m.since, m.into = shelf[F]{}, shelf[F]{}, &m.facts }
func (m *keyed[F, R]) tail()  { m.into = &m.since }

func (m *keyed[F, R]) moving() (keys []string) {
	for key := range m.since {
		keys = append(keys, key)
	}
	return keys
}

func (m *keyed[F, R]) rows(each func(string, any)) {
	for key, one := range m.facts {
		plain := strings.TrimPrefix(key, syntheticMark)
		switch row, made := m.make(plain, one); {
		case m.skips != nil && m.skips(one):
			each(key, notJudged{})
		case made && m.also != nil:
			each(key, append(oneOf{row}, m.also(plain, one)...))
		case made:
			each(key, row)
		}
		delete(m.facts, key)
	}
}

func (m *keyed[F, R]) decode(b []byte) (any, error) {
	if b == nil {
		return nil, nil
	}
	row, err := m.read(b)
	if err != nil {
		return nil, fmt.Errorf("row of the table: %w", err)
	}
	return row, nil
}

// notJudged is a row that the model does not work out.
type notJudged struct{}

// oneOf are rows of which any is right; the first is the likeliest.
type oneOf []any

// like is the one that a row is, else the first.
func (all oneOf) like(row any) any {
	for _, want := range all {
		if len(fieldsThatDiffer(want, row)) == 0 {
			return want
		}
	}
	return all[0]
}

func (m *keyed[F, R]) home(key string) string { return key }

// Differ names the fields in which two rows of one type differ.
func Differ(want, have any) []string { return fieldsThatDiffer(want, have) }
