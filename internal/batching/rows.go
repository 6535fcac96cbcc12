package batching

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

// Store is where committed rows are. *rowlog.Log is one.
type Store interface {
	Get(partition int32, key string) ([]byte, rowlog.Ref, error)
	List(partition int32, from rowlog.Place, f func(rowlog.Row) bool) error
	Under(partition int32, prefix string, from rowlog.Place, most int, f func(rowlog.Row) bool) error
	PlaceOf(key string) rowlog.Place
	Commit(b *rowlog.Batch, placed func(i int, place rowlog.Ref)) error
}

// Rows are the decoded rows of a session: what the open transaction has
// changed, and what was used lately. A hot key is decoded once while it is
// kept, and encoded once for each transaction.
type Rows struct {
	g       *topology.Bound
	careful *atomic.Bool
	log     Store // nil: there is no table
	numbers []int32
	parts   map[int32]*Part
	batch   rowlog.Batch // of the last Store, for its memory
}

// Row is a decoded row.
type Row struct {
	Key   string
	Value any // nil: there is none
	place rowlog.Ref
	size  int
	dirty bool
	told  bool // others are to have what the open transaction made of it
}

// cacheBytes bounds the kept rows of a table on this worker, as weigh counts.
const cacheBytes = 144 << 20

// weigh is about what a kept row takes: decoded, a row is larger than its
// encoding, and it stands in a map.
func (k *Row) weigh() int { return 256 + len(k.Key) + 2*k.size }

// NewRows reads the deadlines of these partitions from the log, which is nil
// where the group keeps no table. careful is set when a row did not encode at
// the end of a batch: each row is then encoded at once, to find the record. It
// outlives the session.
func NewRows(g *topology.Bound, careful *atomic.Bool, log Store, partitions []int32) (_ *Rows, err error) {
	r := &Rows{g: g, careful: careful, log: log, parts: map[int32]*Part{}, numbers: slices.Sorted(slices.Values(partitions))}
	for _, n := range r.numbers {
		p := r.newPart(n)
		if log != nil && g.Timer.Due != nil {
			if p.Deadlines, err = r.readDeadlines(n); err != nil {
				return nil, err
			}
		}
		r.parts[n] = p
	}
	return r, nil
}

// Part is a partition of the session, nil where it has none of that number.
func (r *Rows) Part(number int32) *Part { return r.parts[number] }

// All are the partitions in the order of their numbers.
func (r *Rows) All() iter.Seq[*Part] {
	return func(yield func(*Part) bool) {
		for _, n := range r.numbers {
			if !yield(r.parts[n]) {
				return
			}
		}
	}
}

// load returns the row of a stored key; its value is nil where there is none.
func (r *Rows) load(p *Part, stored []byte) (*Row, error) {
	if kept := p.young[string(stored)]; kept != nil {
		return kept, nil
	}
	kept := p.old[string(stored)]
	if kept == nil {
		kept = &Row{Key: string(stored)}
		b, place, err := r.log.Get(p.Number, kept.Key)
		if err != nil {
			return nil, err
		}
		if b != nil {
			if kept.Value, err = r.decode(b); err != nil {
				return nil, err
			}
			kept.place, kept.size = place, len(b)
		}
	} else {
		delete(p.old, kept.Key)
	}
	r.keep(p, kept)
	return kept, nil
}

func (r *Rows) decode(b []byte) (any, error) {
	row, err := r.g.Rows.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("row of %s: %w", r.g.Table.Name, err)
	}
	return row, nil
}

// keep makes room for a row. What the open transaction has changed stays: the
// log does not have it yet.
func (r *Rows) keep(p *Part, kept *Row) {
	if p.bytes > cacheBytes/2/len(r.parts) {
		out := p.old
		p.old, p.young, p.bytes = p.young, map[string]*Row{}, 0
		for key, kept := range out {
			if kept.dirty {
				p.young[key] = kept
			}
		}
	}
	p.young[kept.Key] = kept
	p.bytes += kept.weigh()
}

// Encode encodes the changed rows of a partition for the changelog, and calls
// each with them; a value of nil is a tombstone.
func (r *Rows) Encode(p *Part, each func(key, value []byte)) error {
	return r.EncodeFor(p, func(key, value []byte, _ bool) { each(key, value) })
}

// EncodeFor is Encode that says whether others than the table are to have the
// row: it was changed by more than quiet records.
func (r *Rows) EncodeFor(p *Part, each func(key, value []byte, told bool)) error {
	p.encoded = p.encoded[:0]
	for _, kept := range p.dirty {
		var value []byte
		var err error
		if kept.Value != nil {
			value, err = r.g.Rows.Encode(kept.Value)
		}
		if err != nil {
			if !errors.Is(err, topology.ErrUnavailable) {
				r.careful.Store(true)
			}
			return fmt.Errorf("row of %s/%d does not encode: %w", r.g.Table.Name, p.Number, err)
		}
		p.encoded = append(p.encoded, value)
		each([]byte(kept.Key), value, kept.told)
	}
	return nil
}

// Store writes the rows of a committed transaction, with their changelog
// offsets, as one batch.
func (r *Rows) Store(now time.Time) error {
	if r.log == nil {
		return nil
	}
	b := &r.batch
	b.Reset()
	var written []*Row
	for p := range r.All() {
		for i, kept := range p.dirty {
			if kept.Value == nil {
				b.Delete(p.Number, kept.Key)
				kept.place = 0
			} else {
				b.Put(p.Number, kept.Key, p.encoded[i], kept.place)
				written = append(written, kept)
			}
			p.bytes -= kept.weigh()
			kept.size = len(p.encoded[i])
			p.bytes += kept.weigh()
		}
		if len(p.dirty) > 0 {
			b.SetOffset(p.Number, p.offset, now)
		}
	}
	err := r.log.Commit(b, func(i int, place rowlog.Ref) { written[i].place = place })
	for p := range r.All() {
		p.settle()
	}
	if err != nil {
		return fmt.Errorf("local rows: %w", err)
	}
	return nil
}

// Drop forgets the rows of a transaction that did not commit, and all that
// are kept: a fold may have changed what they share.
func (r *Rows) Drop() {
	for was := range r.All() {
		p := r.newPart(was.Number)
		if p.Deadlines = was.Deadlines; p.Deadlines != nil {
			p.Deadlines.revert()
		}
		r.parts[was.Number] = p
	}
}
