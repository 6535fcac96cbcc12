package rowlog

import (
	"errors"
	"fmt"
	"os"
)

// room makes sure that the tail takes n more bytes: it opens a new segment
// where it does not, writes the index, and merges old segments. mu is held.
func (l *Log) room(n int64) error {
	if l.tail.size+n <= l.o.SegmentBytes || l.tail.size == 0 {
		return nil
	}
	if err := l.roll(); err != nil {
		return err
	}
	emptied, err := l.merge()
	if err != nil {
		return err
	}
	if err := l.writeIndex(); err != nil {
		return err
	}
	for _, s := range emptied {
		if err := errors.Join(s.file.Close(), os.Remove(segmentPath(l.dir, s.id))); err != nil {
			return fmt.Errorf("row log: %w", err)
		}
	}
	return nil
}

func (l *Log) roll() error {
	id := l.tail.id + 1
	if id == 0 {
		return errors.New("row log: segment numbers are used up; wipe and restore")
	}
	s, err := openSegment(l.dir, id)
	if err != nil {
		return fmt.Errorf("row log: %w", err)
	}
	l.segs[id], l.tail = s, s
	return nil
}

// merge copies the live rows of the oldest segments to the tail while more
// than the allowed share of all bytes is dead. Oldest first: a deletion in the
// oldest segment has nothing older to hide. It returns the segments that may
// go once an index that does not need them has been written.
func (l *Log) merge() (emptied []*segment, err error) {
	for {
		var size, live int64
		oldest := l.tail
		for _, s := range l.segs {
			size, live = size+s.size, live+s.live
			if s.id < oldest.id {
				oldest = s
			}
		}
		if oldest == l.tail || size < 2*l.o.SegmentBytes || float64(size-live) <= l.o.Garbage*float64(size) {
			return emptied, nil
		}
		if err := l.copyLive(oldest); err != nil {
			return nil, err
		}
		delete(l.segs, oldest.id)
		emptied = append(emptied, oldest)
	}
}

// copyLive writes the rows that the index has in a segment to the tail.
func (l *Log) copyLive(from *segment) error {
	for _, part := range l.part {
		for at, more := (spot{}), true; more; {
			found, next, ok := within(part.index, at, from.id)
			for len(found) > 0 {
				n, err := l.copyRows(from, part, found)
				if err != nil {
					return err
				}
				found = found[n:]
			}
			at, more = next, ok
		}
	}
	return nil
}

// mergeChunk and mergeRows bound what is copied by one write.
const (
	mergeChunk = 4 << 20
	mergeRows  = 1 << 14
)

// within finds rows that are in a segment, from a spot on, and where to go on.
func within(x index, from spot, segment uint16) (found []placed, next spot, more bool) {
	x.ascend(from, func(at spot, ref Ref) bool {
		if ref.segment() != segment {
			return true
		}
		if len(found) == mergeRows { // what was found has moved until then
			next, more = at, true
			return false
		}
		found = append(found, placed{at, ref})
		return true
	})
	return found, next, more
}

// copyRows writes some of the rows, by one write, and says how many.
func (l *Log) copyRows(from *segment, part *partition, rows []placed) (n int, err error) {
	var b []byte
	var ends []int
	for len(ends) < len(rows) && len(b) <= mergeChunk {
		e, err := from.read(rows[len(ends)].ref, l.buf)
		if err != nil {
			return 0, err
		}
		b = appendEntry(b, putEntry, int32(e.partition), string(e.key), e.value)
		ends = append(ends, len(b))
	}
	b = appendEntry(b, commitEntry, 0, "", nil)
	if l.tail.size+int64(len(b)) > l.o.SegmentBytes && l.tail.size > 0 {
		if err := l.roll(); err != nil {
			return 0, err
		}
	}
	base := l.tail.size
	if err := l.tail.append(b); err != nil {
		return 0, err
	}
	begin := 0
	for i, end := range ends {
		ref := makeRef(l.tail.id, base+int64(begin), int64(end-begin))
		part.index.replace(rows[i].spot, rows[i].ref, ref)
		l.tail.live += ref.length()
		begin = end
	}
	return len(ends), nil
}
