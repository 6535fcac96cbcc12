package rowlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Options of a Log; zero values take the defaults.
type Options struct {
	SegmentBytes int64   // a segment is closed when it is larger; default 256 MiB
	Garbage      float64 // share of dead bytes at which the oldest segment is merged; default 0.5
	// Order has rows kept in the order of what they are under: it is how many
	// bytes of a key stand before its suffix, and the suffix's number. nil: rows
	// are in the order of their hashes. Log.Under needs it. A function that gives
	// other numbers than before needs another magic of the index file.
	Order func(key string) (prefix int, number uint32)

	hash func(key string) uint64 // in tests, one with collisions
}

// Log holds the rows of one table. Reads may run beside each other and beside
// one writer.
type Log struct {
	dir  string
	o    Options
	mu   sync.RWMutex
	segs map[uint16]*segment
	tail *segment
	part map[int32]*partition
	buf  []byte
}

type partition struct {
	index  index
	offset int64 // changelog offset, -1: none
	at     int64 // when that was committed, unix seconds
}

func (l *Log) newPartition() *partition { return &partition{index: l.newIndex(0), offset: -1} }

// Open reads the index and replays what was committed after it was written. A
// batch that was not committed is cut off. The error wraps ErrCorrupt where
// only wiping the directory helps.
func Open(dir string, o Options) (*Log, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 256 << 20
	}
	o.SegmentBytes = min(o.SegmentBytes, maxSegment-maxEntry)
	if o.Garbage == 0 {
		o.Garbage = 0.5
	}
	if o.hash == nil {
		o.hash = xxhash.Sum64String
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("row log: %w", err)
	}
	l := &Log{dir: dir, o: o, segs: map[uint16]*segment{}, part: map[int32]*partition{}, buf: make([]byte, 64<<10)}
	if err := l.load(); err != nil {
		return nil, errors.Join(err, l.closeFiles())
	}
	return l, nil
}

func (l *Log) closeFiles() (err error) {
	for _, s := range l.segs {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// Close writes the index and closes the files. Without it the next Open
// replays more, and finds the same rows.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.writeIndex(), l.closeFiles())
}

// Get returns a copy of the row of a key and its place, nil and 0 if there is
// none.
func (l *Log) Get(p int32, key string) (value []byte, ref Ref, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	part := l.part[p]
	if part == nil {
		return nil, 0, nil
	}
	return l.find(part, key)
}

func (l *Log) find(part *partition, key string) (value []byte, ref Ref, err error) {
	part.index.each(l.spotOf(key), func(r Ref) bool {
		var e entry
		if e, err = l.segs[r.segment()].read(r, nil); err == nil && string(e.key) == key {
			value, ref = e.value, r
		}
		return err == nil && ref == 0
	})
	return value, ref, err
}

// Offset returns the changelog offset that was committed last with rows of a
// partition, and when; -1 if none was.
func (l *Log) Offset(p int32) (offset int64, at time.Time) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if part := l.part[p]; part != nil {
		return part.offset, time.Unix(part.at, 0)
	}
	return -1, time.Time{}
}

// Bytes is the size of the files, and how much of it is rows in force.
func (l *Log) Bytes() (size, live int64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, s := range l.segs {
		size, live = size+s.size, live+s.live
	}
	return size, live
}

// Rows counts the rows of a partition.
func (l *Log) Rows(p int32) int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if part := l.part[p]; part != nil {
		return part.index.len()
	}
	return 0
}

// Batch is a set of changes that are in force together or not at all.
type Batch struct {
	bytes   []byte
	changes []change
}

type change struct {
	kind      kind
	partition int32
	key       string
	previous  Ref
	at, size  int
	offset    int64
	moment    int64
}

// Put sets a row. previous is its place as Get returned it, 0 if not known.
func (b *Batch) Put(p int32, key string, value []byte, previous Ref) {
	b.add(change{kind: putEntry, partition: p, key: key, previous: previous}, value)
}

// Delete removes a row.
func (b *Batch) Delete(p int32, key string) {
	b.add(change{kind: deleteEntry, partition: p, key: key}, nil)
}

// SetOffset notes the changelog offset that the rows of the batch belong to.
func (b *Batch) SetOffset(p int32, offset int64, at time.Time) {
	c := change{kind: offsetEntry, partition: p, offset: offset, moment: at.Unix()}
	b.add(c, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(c.offset)), uint64(c.moment)))
}

// Wipe forgets all rows and the offset of a partition.
func (b *Batch) Wipe(p int32) { b.add(change{kind: wipeEntry, partition: p}, nil) }

func (b *Batch) add(c change, value []byte) {
	c.at = len(b.bytes)
	b.bytes = appendEntry(b.bytes, c.kind, c.partition, c.key, value)
	c.size = len(b.bytes) - c.at
	b.changes = append(b.changes, c)
}

// Len is the number of bytes that the batch writes.
func (b *Batch) Len() int { return len(b.bytes) }

// Grow makes room for rows of so many bytes, keys included.
func (b *Batch) Grow(bytes, rows int) {
	b.bytes = slices.Grow(b.bytes, bytes+rows*(headerBytes+unit))
	b.changes = slices.Grow(b.changes, rows)
}

// Reset empties the batch for use again.
func (b *Batch) Reset() { b.bytes, b.changes = b.bytes[:0], b.changes[:0] }

// ErrTooLarge says that a row or a batch does not fit the format.
var ErrTooLarge = errors.New("too large for the row log")

// Commit writes a batch, without a sync: a crash of the process loses nothing,
// a crash of the machine at most the newest batches, each as a whole.
// placed, if not nil, is called with the place of each Put in order.
func (l *Log) Commit(b *Batch, placed func(i int, r Ref)) error {
	if len(b.changes) == 0 {
		return nil
	}
	for _, c := range b.changes {
		if c.size > maxEntry {
			return ErrTooLarge
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b.bytes = appendEntry(b.bytes, commitEntry, 0, "", nil)
	if int64(len(b.bytes)) > maxSegment-maxEntry {
		return ErrTooLarge
	}
	if err := l.room(int64(len(b.bytes))); err != nil {
		return err
	}
	base := l.tail.size
	if err := l.tail.append(b.bytes); err != nil {
		return err
	}
	puts := 0
	for _, c := range b.changes {
		ref := makeRef(l.tail.id, base+int64(c.at), int64(c.size))
		if err := l.apply(c, ref); err != nil {
			return err
		}
		if c.kind == putEntry {
			if placed != nil {
				placed(puts, ref)
			}
			puts++
		}
	}
	return nil
}

// apply moves the index over one change. mu is held.
func (l *Log) apply(c change, ref Ref) error {
	part := l.part[c.partition]
	if part == nil {
		part = l.newPartition()
		l.part[c.partition] = part
	}
	switch c.kind {
	case offsetEntry:
		part.offset, part.at = c.offset, c.moment
	case wipeEntry:
		part.index.ascend(spot{}, func(_ spot, ref Ref) bool { l.dead(ref); return true })
		l.part[c.partition] = l.newPartition()
	case putEntry:
		at := l.spotOf(c.key)
		l.segs[ref.segment()].live += ref.length()
		if c.previous != 0 && part.index.replace(at, c.previous, ref) {
			l.dead(c.previous)
			return nil
		}
		old, err := l.placeOf(part, c.key)
		if err != nil {
			return err
		}
		if old != 0 {
			part.index.replace(at, old, ref)
			l.dead(old)
		} else {
			part.index.insert(at, ref)
		}
	case deleteEntry:
		old, err := l.placeOf(part, c.key)
		if err != nil || old == 0 {
			return err
		}
		part.index.remove(l.spotOf(c.key), old)
		l.dead(old)
	}
	return nil
}

func (l *Log) placeOf(part *partition, key string) (ref Ref, err error) {
	part.index.each(l.spotOf(key), func(r Ref) bool {
		var e entry
		if e, err = l.segs[r.segment()].read(r, l.buf); err == nil && string(e.key) == key {
			ref = r
		}
		return err == nil && ref == 0
	})
	return ref, err
}

func (l *Log) dead(r Ref) {
	if r != 0 {
		if s := l.segs[r.segment()]; s != nil {
			s.live -= r.length()
		}
	}
}
