package rowlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// segment is one file of the log.
type segment struct {
	id   uint16
	file *os.File
	size int64
	live int64 // bytes of entries that the index points to
}

func segmentPath(dir string, id uint16) string {
	return filepath.Join(dir, fmt.Sprintf("%05d.rows", id))
}

func openSegment(dir string, id uint16) (*segment, error) {
	f, err := os.OpenFile(segmentPath(dir, id), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &segment{id: id, file: f, size: info.Size()}, nil
}

// segmentIDs lists the segments of a directory, oldest first.
func segmentIDs(dir string) (ids []uint16, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.rows"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		n, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(name), ".rows"), 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%w: %s is not a segment", ErrCorrupt, filepath.Base(name))
		}
		ids = append(ids, uint16(n))
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	return ids, nil
}

// read returns the entry at a place.
func (s *segment) read(r Ref, buf []byte) (entry, error) {
	n := r.length()
	if int64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := s.file.ReadAt(buf, r.offset()); err != nil {
		return entry{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return readEntry(buf)
}

// append writes at the end. A write that fails, as on a full disk, leaves the
// segment as it was.
func (s *segment) append(b []byte) error {
	if _, err := s.file.WriteAt(b, s.size); err != nil {
		return errors.Join(fmt.Errorf("row log: %w", err), s.file.Truncate(s.size))
	}
	s.size += int64(len(b))
	return nil
}
