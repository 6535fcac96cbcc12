package rowlog

import (
	"bytes"
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Memory is a Log without files, for simulations: it takes the same batches and
// answers the same questions. It is for one goroutine.
type Memory struct {
	order   *Log // where rows stand: it has no files
	rows    map[int32]map[string][]byte
	offsets map[int32]int64
}

// NewMemory is empty. Of the options, the order counts.
func NewMemory(o Options) *Memory {
	if o.hash == nil {
		o.hash = xxhash.Sum64String
	}
	return &Memory{order: &Log{o: o}, rows: map[int32]map[string][]byte{}, offsets: map[int32]int64{}}
}

// Clone is a copy of what is in force now.
func (m *Memory) Clone() *Memory {
	c := &Memory{order: m.order, rows: map[int32]map[string][]byte{}, offsets: maps.Clone(m.offsets)}
	for p, rows := range m.rows {
		c.rows[p] = maps.Clone(rows)
	}
	return c
}

// Get returns a row, nil where there is none.
func (m *Memory) Get(p int32, key string) ([]byte, Ref, error) { return m.rows[p][key], 0, nil }

// Rows are the rows of a partition, to be read only.
func (m *Memory) Rows(p int32) map[string][]byte { return m.rows[p] }

// Offset is that of the changelog that was committed last, -1 if none was.
func (m *Memory) Offset(p int32) int64 {
	if o, ok := m.offsets[p]; ok {
		return o
	}
	return -1
}

// PlaceOf is in front of the rows that stand where the row of a key does.
func (m *Memory) PlaceOf(key string) Place { return m.order.PlaceOf(key) }

// List calls f with the rows of a partition from a place on.
func (m *Memory) List(p int32, from Place, f func(Row) bool) error {
	return m.list(p, "", from, spot{math.MaxUint64, math.MaxUint64}, f)
}

// Under is List for the rows whose keys begin with a prefix.
func (m *Memory) Under(p int32, prefix string, from Place, _ int, f func(Row) bool) error {
	if m.order.o.Order == nil {
		return errors.ErrUnsupported
	}
	from.Run = m.order.runOf(prefix, uint32(from.Run))
	return m.list(p, prefix, from, spot{m.order.runOf(prefix, math.MaxUint32), math.MaxUint64}, f)
}

func (m *Memory) list(p int32, prefix string, from Place, last spot, f func(Row) bool) error {
	var found []Row
	for key, value := range m.rows[p] {
		at := m.order.spotOf(key)
		if !strings.HasPrefix(key, prefix) || at.before(spot{from.Run, from.Hash}) || last.before(at) {
			continue
		}
		if prefix != "" {
			if n, _ := m.order.o.Order(key); key[:n] != prefix {
				continue
			}
		}
		found = append(found, Row{at.run, at.hash, key, value})
	}
	slices.SortFunc(found, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Hash, b.Hash), cmp.Compare(a.Key, b.Key))
	})
	skip := from.Skip
	for _, r := range found {
		if skip > 0 && r.Run == from.Run && r.Hash == from.Hash {
			skip--
			continue
		}
		if !f(r) {
			return nil
		}
	}
	return nil
}

// Commit takes a batch.
func (m *Memory) Commit(b *Batch, placed func(i int, r Ref)) error {
	puts := 0
	for _, c := range b.changes {
		if c.kind == offsetEntry {
			m.offsets[c.partition] = c.offset
			continue
		}
		rows := m.rows[c.partition]
		if rows == nil || c.kind == wipeEntry {
			rows = map[string][]byte{}
			m.rows[c.partition] = rows
		}
		switch c.kind {
		case wipeEntry:
			delete(m.offsets, c.partition)
		case putEntry:
			e, err := readEntry(b.bytes[c.at : c.at+c.size])
			if err != nil {
				return err
			}
			rows[c.key] = bytes.Clone(e.value)
			if placed != nil {
				placed(puts, 0)
			}
			puts++
		case deleteEntry:
			delete(rows, c.key)
		}
	}
	return nil
}
