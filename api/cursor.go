package api

import (
	"encoding/binary"
	"net/http"
	"strings"

	"payerflow/api/problem"
	"payerflow/internal/topology"
)

// A cursor is a version byte, the partition (2 bytes), a run (8), a hash (8) and
// a count (4). The hash would confirm a guess at a key, so that a cursor is
// sealed; and it is sealed for one question alone.
const (
	cursorVersion = 3
	cursorBytes   = 23
)

const errCursor = "not a cursor of this question, or of another version of the view; start again without one"

// cursorAbout names a question: what is asked of which view, and how.
func cursorAbout(act, view string, synthetic bool, more ...string) string {
	rows := "real"
	if synthetic {
		rows = "synthetic"
	}
	return strings.Join(append([]string{act, view, rows}, more...), "\x00")
}

// cursorOf names a view for its cursors: those of one version are not good for
// another.
func cursorOf(v topology.Served) string {
	if v.Version == "" {
		return v.Name
	}
	return v.Name + " " + v.Version
}

func (s *surface) sealCursor(about string, p topology.Place) string {
	b := make([]byte, 0, cursorBytes)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint16(b, uint16(p.Partition))
	b = binary.BigEndian.AppendUint64(b, p.Run)
	b = binary.BigEndian.AppendUint64(b, p.Hash)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Skip))
	return s.guard.Seal(about, b)
}

func (s *surface) openCursor(about, text string) (topology.Place, error) {
	if text == "" {
		return topology.Place{}, nil
	}
	b, ok := s.guard.Open(about, text)
	if !ok || len(b) != cursorBytes || b[0] != cursorVersion {
		p := problem.New(http.StatusUnprocessableEntity, "INVALID_CURSOR", errCursor)
		p.Errors = []Detail{{Pointer: "query.cursor", Message: errCursor}}
		return topology.Place{}, p
	}
	return topology.Place{Partition: int32(binary.BigEndian.Uint16(b[1:])), Run: binary.BigEndian.Uint64(b[3:]),
		Hash: binary.BigEndian.Uint64(b[11:]), Skip: int(binary.BigEndian.Uint32(b[19:]))}, nil
}
