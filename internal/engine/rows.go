package engine

import (
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
)

// rows are the decoded rows of a session: what the open transaction has
// changed, and what was used lately. A hot key is decoded once while it is
// kept, and encoded and produced once for each transaction.
type rows struct {
	g     *group
	log   *rowlog.Log // nil: the processor keeps no table
	parts map[int32]*partitionRows
}

// partitionRows belong to one partition: its goka goroutine while records are
// folded, the batch loop afterwards.
type partitionRows struct {
	partition  int32
	young, old map[string]*row // two generations: what is not used falls out of the old one
	bytes      int             // of young, encoded
	dirty      []*row
	encoded    [][]byte
	offset     int64 // changelog offset of the newest dirty row
	mu         sync.Mutex
}

type row struct {
	key   string
	value any
	place rowlog.Ref
	size  int
	dirty bool
}

// cacheBytes bounds the kept rows of a table on this worker, as encoded;
// decoded they take a few times that.
const cacheBytes = 48 << 20

func newRows(g *group, log *rowlog.Log, partitions []int32) *rows {
	r := &rows{g: g, log: log, parts: map[int32]*partitionRows{}}
	for _, p := range partitions {
		r.parts[p] = newPartitionRows(p)
	}
	return r
}

func newPartitionRows(p int32) *partitionRows {
	return &partitionRows{partition: p, young: map[string]*row{}, offset: -1}
}

// load returns the row of a stored key; its value is nil where there is none.
func (r *rows) load(p *partitionRows, stored []byte) (*row, error) {
	if kept := p.young[string(stored)]; kept != nil {
		return kept, nil
	}
	kept := p.old[string(stored)]
	if kept == nil {
		kept = &row{key: string(stored)}
		b, place, err := r.log.Get(p.partition, kept.key)
		if err != nil {
			return nil, err
		}
		if b != nil {
			if kept.value, err = r.g.decodeRow(b); err != nil {
				return nil, err
			}
			kept.place, kept.size = place, len(b)
		}
	} else {
		delete(p.old, kept.key)
	}
	r.keep(p, kept)
	return kept, nil
}

func (r *rows) keep(p *partitionRows, kept *row) {
	if p.bytes > cacheBytes/2/len(r.parts) {
		p.old, p.young, p.bytes = p.young, map[string]*row{}, 0
	}
	p.young[kept.key] = kept
	p.bytes += kept.size + len(kept.key)
}

// set changes a row in the open transaction.
func (p *partitionRows) set(kept *row, value any) {
	kept.value = value
	if !kept.dirty {
		kept.dirty = true
		p.dirty = append(p.dirty, kept)
	}
}

// flushers is how many partitions are encoded at a time.
const flushers = 2

// flush encodes the changed rows and produces them to the changelog, and to
// the view's topic where the group has one.
func (r *rows) flush(rt *runtime) error {
	work := make(chan *partitionRows)
	errs := make(chan error, flushers)
	for range flushers {
		go func() {
			var first error
			for p := range work {
				if err := r.flushPartition(rt, p); err != nil && first == nil {
					first = err
				}
			}
			errs <- first
		}()
	}
	for _, p := range r.parts {
		if len(p.dirty) > 0 {
			work <- p
		}
	}
	close(work)
	var first error
	for range flushers {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (r *rows) flushPartition(rt *runtime, p *partitionRows) error {
	acked := func(rec *kgo.Record, err error) {
		if err == nil {
			p.mu.Lock()
			p.offset = max(p.offset, rec.Offset)
			p.mu.Unlock()
		}
	}
	copies := 1
	if r.g.View.Topic.Name != "" {
		copies = 2
	}
	records := make([]kgo.Record, copies*len(p.dirty))
	p.encoded = p.encoded[:0]
	for i, kept := range p.dirty {
		value, err := r.g.Rows.Encode(kept.value)
		if err != nil {
			r.g.careful.Store(true)
			return fmt.Errorf("row of %s/%d does not encode: %w", r.g.Table.Name, p.partition, err)
		}
		p.encoded = append(p.encoded, value)
		key := []byte(kept.key)
		rec := &records[copies*i]
		*rec = kgo.Record{Topic: r.g.Table.Name, Partition: p.partition, Key: key, Value: value}
		rt.produce(rec, acked)
		if copies == 2 {
			rec := &records[copies*i+1]
			*rec = kgo.Record{Topic: r.g.View.Topic.Name, Partition: p.partition, Key: key, Value: value}
			rt.produce(rec, noted)
		}
	}
	return nil
}

// store writes the rows of a committed transaction, with their changelog
// offsets, as one batch.
func (r *rows) store() error {
	if r.log == nil {
		return nil
	}
	var b rowlog.Batch
	var written []*row
	now := time.Now()
	for _, p := range r.parts {
		for i, kept := range p.dirty {
			b.Put(p.partition, kept.key, p.encoded[i], kept.place)
			kept.size = len(p.encoded[i])
			written = append(written, kept)
		}
		if len(p.dirty) > 0 {
			b.SetOffset(p.partition, p.offset, now)
		}
	}
	err := r.log.Commit(&b, func(i int, place rowlog.Ref) { written[i].place = place })
	for _, p := range r.parts {
		for _, kept := range p.dirty {
			kept.dirty = false
		}
		p.dirty, p.encoded, p.offset = p.dirty[:0], p.encoded[:0], -1
	}
	if err != nil {
		return fmt.Errorf("local rows: %w", err)
	}
	return nil
}

// drop forgets the rows of a transaction that did not commit, and all that
// are kept: a fold may have changed what they share.
func (r *rows) drop() {
	for n := range r.parts {
		r.parts[n] = newPartitionRows(n)
	}
}

// reader reads joined and looked-up rows from the copies that goka keeps
// filled: it has restored them before the first record is folded.
type reader struct {
	g  *group
	rt *runtime
	p  int32
	k  string
}

func (r reader) Join(table string) any { return r.read(table, r.p, r.k) }

func (r reader) Lookup(table, key string) any {
	for _, l := range r.g.Lookups {
		if l.Topic.Name == table {
			return r.read(table, topology.Partition([]byte(key), l.Topic.Partitions), key)
		}
	}
	panic(fmt.Sprintf("group %s looks up %s without declaring it", r.g.Name, table))
}

func (r reader) read(table string, partition int32, key string) any {
	serde, declared := r.g.Tables[table]
	if !declared {
		panic(fmt.Sprintf("group %s reads %s without declaring it", r.g.Name, table))
	}
	b, _, err := r.rt.p.followed(table).Get(partition, key)
	if err != nil {
		panic(topology.Unreadable{Err: err})
	}
	if b == nil {
		return nil
	}
	row, err := serde.Decode(b)
	if err != nil {
		panic(topology.Unreadable{Err: fmt.Errorf("row of %s/%d: %w", table, partition, err)})
	}
	return row
}
