package engine

import (
	"context"
	"errors"
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
	batch rowlog.Batch // of the last store, for its memory
}

// partitionRows belong to one partition: its goka goroutine while records are
// folded, the batch loop afterwards.
type partitionRows struct {
	partition  int32
	steps      *topology.Stepper
	deadlines  *deadlines      // nil: the group has no timer
	young, old map[string]*row // two generations: what is not used falls out of the old one
	bytes      int             // of young
	dirty      []*row
	changes    *changes // what is dirty under keys; nil: nobody has asked
	encoded    [][]byte
	records    []*[recordChunk]kgo.Record // the memory of what was produced
	sent       int
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

const recordChunk = 256

// cacheBytes bounds the kept rows of a table on this worker, as weigh counts.
const cacheBytes = 144 << 20

// weigh is about what a kept row takes: decoded, a row is larger than its
// encoding, and it stands in a map.
func (k *row) weigh() int { return 256 + len(k.key) + 2*k.size }

func newRows(g *group, log *rowlog.Log, partitions []int32) (_ *rows, err error) {
	r := &rows{g: g, log: log, parts: map[int32]*partitionRows{}}
	for _, n := range partitions {
		p := newPartitionRows(g, n)
		if log != nil && g.Timer.Due != nil {
			if p.deadlines, err = readDeadlines(g, log, n); err != nil {
				return nil, err
			}
		}
		r.parts[n] = p
	}
	return r, nil
}

func newPartitionRows(g *group, partition int32) *partitionRows {
	return &partitionRows{partition: partition, steps: g.Stepper(partition), young: map[string]*row{}, offset: -1}
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

// keep makes room for a row. What the open transaction has changed stays: the
// log does not have it yet.
func (r *rows) keep(p *partitionRows, kept *row) {
	if p.bytes > cacheBytes/2/len(r.parts) {
		out := p.old
		p.old, p.young, p.bytes = p.young, map[string]*row{}, 0
		for key, kept := range out {
			if kept.dirty {
				p.young[key] = kept
			}
		}
	}
	p.young[kept.key] = kept
	p.bytes += kept.weigh()
}

// set changes a row in the open transaction, or takes it away: then its value
// is nil.
func (p *partitionRows) set(kept *row, value any) {
	value = topology.Kept(value)
	if p.deadlines != nil {
		p.deadlines.move(kept.key, kept.value, value)
	}
	kept.value = value
	if !kept.dirty {
		kept.dirty = true
		p.dirty = append(p.dirty, kept)
		p.young[kept.key] = kept // it may have fallen out since it was loaded
	}
}

// flushers is how many partitions are encoded at a time.
const flushers = 2

// flush encodes the changed rows and produces them to the changelog, and to
// the view's topic where the group has one.
func (r *rows) flush(s *session) error {
	rt := s.rt
	work := make(chan *partitionRows)
	errs := make(chan error, flushers)
	for range flushers {
		go func() {
			var first error
			for p := range work {
				err := r.flushPartition(rt, p)
				if errors.Is(err, topology.ErrUnavailable) {
					s.holdRows(p.partition, err)
				} else if err != nil && first == nil {
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
		if rt.noted(rec, err); err == nil {
			p.mu.Lock()
			p.offset = max(p.offset, rec.Offset)
			p.mu.Unlock()
		}
	}
	view, now := r.g.View.Topic.Name, time.Now()
	p.encoded = p.encoded[:0]
	for _, kept := range p.dirty {
		var value []byte // nil: a tombstone
		var err error
		if kept.value != nil {
			value, err = r.g.Rows.Encode(kept.value)
		}
		if err != nil {
			if !errors.Is(err, topology.ErrUnavailable) {
				r.g.careful.Store(true)
			}
			return fmt.Errorf("row of %s/%d does not encode: %w", r.g.Table.Name, p.partition, err)
		}
		p.encoded = append(p.encoded, value)
		key := []byte(kept.key)
		rt.client.Produce(context.Background(), p.record(r.g.Table.Name, key, value, now), acked)
		if view != "" {
			rt.produce(p.record(view, key, value, now))
		}
	}
	p.sent = 0
	return nil
}

// record returns a record that is free again when the batch has been flushed.
func (p *partitionRows) record(topic string, key, value []byte, at time.Time) *kgo.Record {
	if p.sent == recordChunk*len(p.records) {
		p.records = append(p.records, new([recordChunk]kgo.Record))
	}
	rec := &p.records[p.sent/recordChunk][p.sent%recordChunk]
	*rec = kgo.Record{Topic: topic, Partition: p.partition, Key: key, Value: value, Timestamp: at}
	p.sent++
	return rec
}

// store writes the rows of a committed transaction, with their changelog
// offsets, as one batch.
func (r *rows) store() error {
	if r.log == nil {
		return nil
	}
	b := &r.batch
	b.Reset()
	var written []*row
	now := time.Now()
	for _, p := range r.parts {
		for i, kept := range p.dirty {
			if kept.value == nil {
				b.Delete(p.partition, kept.key)
				kept.place = 0
			} else {
				b.Put(p.partition, kept.key, p.encoded[i], kept.place)
				written = append(written, kept)
			}
			p.bytes -= kept.weigh()
			kept.size = len(p.encoded[i])
			p.bytes += kept.weigh()
		}
		if len(p.dirty) > 0 {
			b.SetOffset(p.partition, p.offset, now)
		}
	}
	err := r.log.Commit(b, func(i int, place rowlog.Ref) { written[i].place = place })
	for _, p := range r.parts {
		for _, kept := range p.dirty {
			kept.dirty = false
		}
		p.dirty, p.changes, p.encoded, p.offset = p.dirty[:0], nil, p.encoded[:0], -1
		if p.deadlines != nil {
			p.deadlines.settle()
		}
	}
	if err != nil {
		return fmt.Errorf("local rows: %w", err)
	}
	return nil
}

// drop forgets the rows of a transaction that did not commit, and all that
// are kept: a fold may have changed what they share.
func (r *rows) drop() {
	for n, was := range r.parts {
		p := newPartitionRows(r.g, n)
		if p.deadlines = was.deadlines; p.deadlines != nil {
			p.deadlines.revert()
		}
		r.parts[n] = p
	}
}
