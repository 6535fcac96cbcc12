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
	const chunk = 4 << 20
	var b []byte
	type move struct {
		part     *partition
		slot     int
		at, size int
	}
	var moves []move
	flush := func() error {
		if len(b) == 0 {
			return nil
		}
		b = appendEntry(b, commitEntry, 0, "", nil)
		if l.tail.size+int64(len(b)) > l.o.SegmentBytes && l.tail.size > 0 {
			if err := l.roll(); err != nil {
				return err
			}
		}
		base := l.tail.size
		if err := l.tail.append(b); err != nil {
			return err
		}
		for _, m := range moves {
			ref := makeRef(l.tail.id, base+int64(m.at), int64(m.size))
			m.part.index.slots[m.slot].ref = ref
			l.tail.live += ref.length()
		}
		b, moves = b[:0], moves[:0]
		return nil
	}
	for _, part := range l.part {
		for i, s := range part.index.slots {
			if s.ref == 0 || s.ref.segment() != from.id {
				continue
			}
			e, err := from.read(s.ref, l.buf)
			if err != nil {
				return err
			}
			at := len(b)
			b = appendEntry(b, putEntry, int32(e.partition), string(e.key), e.value)
			moves = append(moves, move{part, i, at, len(b) - at})
			if len(b) > chunk {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}
