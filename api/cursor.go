package api

import (
	"encoding/base64"
	"encoding/binary"
	"errors"

	"payerflow/internal/topology"
)

// A cursor is a version byte, the partition (2 bytes), a hash (8) and a count
// (4), in URL-safe base64. It holds no key.
const (
	cursorVersion = 1
	cursorBytes   = 15
)

var errCursor = errors.New("not a cursor of this API; start again without one")

func encodeCursor(p topology.Place) string {
	b := make([]byte, 0, cursorBytes)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint16(b, uint16(p.Partition))
	b = binary.BigEndian.AppendUint64(b, p.Hash)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Skip))
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeCursor(s string) (topology.Place, error) {
	if s == "" {
		return topology.Place{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != cursorBytes || b[0] != cursorVersion {
		return topology.Place{}, errCursor
	}
	return topology.Place{Partition: int32(binary.BigEndian.Uint16(b[1:])), Hash: binary.BigEndian.Uint64(b[3:]),
		Skip: int(binary.BigEndian.Uint32(b[11:]))}, nil
}
