package rowlog

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

// Row is one listed row.
type Row struct {
	Run, Hash uint64 // where it stands
	Key       string
	Value     []byte
}

// Place is behind some rows of a partition: behind Skip of those with this run
// and hash.
type Place struct {
	Run, Hash uint64
	Skip      int
}

// PlaceOf is in front of the rows that stand where the row of a key does.
func (l *Log) PlaceOf(key string) Place {
	at := l.spotOf(key)
	return Place{Run: at.run, Hash: at.hash}
}

// listChunk is how many rows are read under one lock.
const listChunk = 64

// List calls f with rows of a partition from a place on, in the order of run,
// hash and key, until f returns false. A row that is written meanwhile is seen
// in its old or its new state.
func (l *Log) List(p int32, from Place, f func(Row) bool) error {
	return l.list(p, from, spot{math.MaxUint64, math.MaxUint64}, listChunk, f)
}

// Under is List for the rows whose keys begin with a prefix, as Options.Order
// tells it: the others do not count. Of the place's run, the number counts. It
// reads about as many rows as are asked for.
func (l *Log) Under(p int32, prefix string, from Place, most int, f func(Row) bool) error {
	if l.o.Order == nil {
		return errors.ErrUnsupported
	}
	from.Run = l.runOf(prefix, uint32(from.Run))
	last := spot{l.runOf(prefix, math.MaxUint32), math.MaxUint64}
	skip := from.Skip
	from.Skip = 0
	return l.list(p, from, last, min(max(most, 1), listChunk), func(r Row) bool {
		if n, _ := l.o.Order(r.Key); r.Key[:n] != prefix { // another of the same hash
			return true
		}
		if skip > 0 && r.Run == from.Run && r.Hash == from.Hash {
			skip--
			return true
		}
		return f(r)
	})
}

func (l *Log) list(p int32, from Place, last spot, chunk int, f func(Row) bool) error {
	for more := true; more; {
		rows, next, ok, err := l.chunk(p, from, last, chunk)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if !f(r) {
				return nil
			}
		}
		from, more = Place{Run: next.run, Hash: next.hash}, ok
	}
	return nil
}

// chunk reads some rows from a place to the last spot, and says where to go on.
// Rows of one spot are read together: their order is that of their keys.
func (l *Log) chunk(p int32, from Place, last spot, most int) (rows []Row, next spot, more bool, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	part := l.part[p]
	if part == nil {
		return nil, next, false, nil
	}
	found := make([]placed, 0, most)
	part.index.ascend(spot{from.Run, from.Hash}, func(at spot, ref Ref) bool {
		if more = !last.before(at); !more {
			return false
		}
		if n := len(found); n >= most && found[n-1].spot != at {
			return false
		}
		found, more = append(found, placed{at, ref}), false
		return true
	})
	rows = make([]Row, 0, len(found))
	for _, at := range found {
		e, err := l.segs[at.ref.segment()].read(at.ref, nil)
		if err != nil {
			return nil, next, false, err
		}
		rows = append(rows, Row{at.run, at.hash, string(e.key), e.value})
	}
	if more {
		next, more = found[len(found)-1].next()
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Hash, b.Hash), cmp.Compare(a.Key, b.Key))
	})
	skip := 0
	for skip < min(from.Skip, len(rows)) && rows[skip].Run == from.Run && rows[skip].Hash == from.Hash {
		skip++
	}
	return rows[skip:], next, more, nil
}
