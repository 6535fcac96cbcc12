package api

import (
	"encoding/binary"
	"errors"
)

// place is where a watch is: up to where a reader has the states of a table.
type watchPlace struct {
	incarnation string
	next        int64
}

// A place is a version byte, the offset (8 bytes) and the incarnation. It is
// sealed for what is watched: it holds no key, and means nothing elsewhere.
const placeVersion = 1

var errPlace = errors.New("not a place of this watch")

func (s *surface) sealPlace(about string, p watchPlace) string {
	b := make([]byte, 0, 9+len(p.incarnation))
	b = binary.BigEndian.AppendUint64(append(b, placeVersion), uint64(p.next))
	return s.guard.Seal(about, append(b, p.incarnation...))
}

// maxPlace is longer than any place.
const maxPlace = 256

func (s *surface) openPlace(about, text string) (watchPlace, error) {
	if len(text) > maxPlace {
		return watchPlace{}, errPlace
	}
	b, ok := s.guard.Open(about, text)
	if !ok || len(b) < 9 || b[0] != placeVersion {
		return watchPlace{}, errPlace
	}
	return watchPlace{string(b[9:]), int64(binary.BigEndian.Uint64(b[1:]))}, nil
}
