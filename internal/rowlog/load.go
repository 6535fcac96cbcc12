package rowlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

const (
	indexName    = "index"
	hashedMagic  = "payerflow rows 1"
	orderedMagic = "payerflow rows 2"
	scanBuffer   = 1 << 20
	firstSegment = 1
)

// load opens the segments, reads the index file, and replays what is behind it.
func (l *Log) load() error {
	ids, err := segmentIDs(l.dir)
	if err != nil {
		return err
	}
	for _, id := range ids {
		s, err := openSegment(l.dir, id)
		if err != nil {
			return fmt.Errorf("row log: %w", err)
		}
		l.segs[id] = s
	}
	segment, offset, err := l.readIndex()
	if err != nil { // it is only a short cut
		l.part = map[int32]*partition{}
		segment, offset = 0, 0
	}
	for _, id := range ids {
		if id < segment {
			continue
		}
		from := int64(0)
		if id == segment {
			from = offset
		}
		if err := l.replay(l.segs[id], from, id == ids[len(ids)-1]); err != nil {
			return err
		}
	}
	if len(ids) == 0 {
		if l.tail, err = openSegment(l.dir, firstSegment); err != nil {
			return fmt.Errorf("row log: %w", err)
		}
		l.segs[firstSegment] = l.tail
		return nil
	}
	l.tail = l.segs[ids[len(ids)-1]]
	return l.count()
}

// replay applies the committed batches of a segment from an offset on, and
// cuts off what follows the last commit of the last segment.
func (l *Log) replay(s *segment, from int64, last bool) error {
	r := bufio.NewReaderSize(io.NewSectionReader(s.file, from, s.size-from), scanBuffer)
	var pending []change
	var refs []Ref
	good, at := from, from
	for {
		e, err := nextEntry(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if !last {
				return fmt.Errorf("segment %d at %d: %w", s.id, at, err)
			}
			break
		}
		if e.kind == commitEntry {
			for i, c := range pending {
				if err := l.apply(c, refs[i]); err != nil {
					return err
				}
			}
			pending, refs, good = pending[:0], refs[:0], at+e.size
		} else {
			pending = append(pending, changeOf(e))
			refs = append(refs, makeRef(s.id, at, e.size))
		}
		at += e.size
	}
	if good < s.size {
		if !last {
			return fmt.Errorf("segment %d ends in the middle of a batch: %w", s.id, ErrCorrupt)
		}
		if err := s.file.Truncate(good); err != nil {
			return fmt.Errorf("row log: %w", err)
		}
		s.size = good
	}
	return nil
}

func changeOf(e entry) change {
	c := change{kind: e.kind, partition: int32(e.partition), key: string(e.key), offset: -1}
	if e.kind == offsetEntry && len(e.value) == 16 {
		c.offset = int64(binary.LittleEndian.Uint64(e.value))
		c.moment = int64(binary.LittleEndian.Uint64(e.value[8:]))
	}
	return c
}

func nextEntry(r *bufio.Reader) (entry, error) {
	h, err := r.Peek(headerBytes)
	if err != nil {
		if len(h) == 0 {
			return entry{}, io.EOF
		}
		return entry{}, ErrCorrupt
	}
	size := (headerBytes + int64(binary.LittleEndian.Uint32(h[8:])) + int64(binary.LittleEndian.Uint32(h[12:])) + unit - 1) / unit * unit
	if size > maxEntry {
		return entry{}, ErrCorrupt
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return entry{}, ErrCorrupt
	}
	return readEntry(b)
}

// count works out the live bytes of every segment from the index.
func (l *Log) count() error {
	for _, s := range l.segs {
		s.live = 0
	}
	for _, part := range l.part {
		inside := true
		part.index.ascend(spot{}, func(_ spot, ref Ref) bool {
			seg := l.segs[ref.segment()]
			if inside = seg != nil && ref.offset()+ref.length() <= seg.size; inside {
				seg.live += ref.length()
			}
			return inside
		})
		if !inside {
			return fmt.Errorf("the index points outside of the log: %w", ErrCorrupt)
		}
	}
	return nil
}

// writeIndex writes where every row is, as of the end of the tail, after the
// tail has been synced. The file replaces its predecessor at once.
func (l *Log) writeIndex() error {
	if err := l.tail.file.Sync(); err != nil {
		return fmt.Errorf("row log: %w", err)
	}
	path := filepath.Join(l.dir, indexName)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("row log index: %w", err)
	}
	sum := crc32.New(castagnoli)
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), scanBuffer)
	l.encodeIndex(w)
	err = w.Flush()
	if err == nil {
		err = binary.Write(f, binary.LittleEndian, sum.Sum32())
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("row log index: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("row log index: %w", err)
	}
	return nil
}

// encodeIndex writes: magic, tail segment and offset, number of partitions;
// for each its number, changelog offset and its time, count, and slots of hash
// and place, each with its run in front in a log with an order.
func (l *Log) encodeIndex(w *bufio.Writer) {
	var b [8]byte
	u64 := func(v uint64) {
		binary.LittleEndian.PutUint64(b[:], v)
		_, _ = w.Write(b[:]) // Flush returns the first error
	}
	_, _ = w.WriteString(l.magic())
	u64(uint64(l.tail.id))
	u64(uint64(l.tail.size))
	u64(uint64(len(l.part)))
	for p, part := range l.part {
		u64(uint64(p))
		u64(uint64(part.offset))
		u64(uint64(part.at))
		u64(uint64(part.index.len()))
		part.index.ascend(spot{}, func(at spot, ref Ref) bool {
			if l.o.Order != nil {
				u64(at.run)
			}
			u64(at.hash)
			u64(uint64(ref))
			return true
		})
	}
}

// magic is what the index file begins with. One of another kind does not count,
// and the segments are replayed.
func (l *Log) magic() string {
	if l.o.Order != nil {
		return orderedMagic
	}
	return hashedMagic
}

func (l *Log) readIndex() (segment uint16, offset int64, err error) {
	b, err := os.ReadFile(filepath.Join(l.dir, indexName))
	if errors.Is(err, os.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	magic := l.magic()
	if len(b) < len(magic)+24+4 || string(b[:len(magic)]) != magic ||
		binary.LittleEndian.Uint32(b[len(b)-4:]) != crc32.Checksum(b[:len(b)-4], castagnoli) {
		return 0, 0, ErrCorrupt
	}
	b = b[len(magic) : len(b)-4]
	u64 := func() (v uint64) {
		v, b = binary.LittleEndian.Uint64(b), b[8:]
		return v
	}
	segment, offset = uint16(u64()), int64(u64())
	for range u64() {
		p := int32(u64())
		part := &partition{offset: int64(u64()), at: int64(u64())}
		n := int(u64())
		part.index = l.newIndex(n)
		for range n {
			var at spot
			if l.o.Order != nil {
				at.run = u64()
			}
			at.hash = u64()
			part.index.insert(at, Ref(u64()))
		}
		l.part[p] = part
	}
	if s := l.segs[segment]; s == nil || s.size < offset {
		return 0, 0, ErrCorrupt
	}
	return segment, offset, nil
}
