package rowlog

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// An entry is a header of 16 bytes, the key, the value, and zeros up to a
// multiple of 16:
//
//	crc32c of what follows (4) · kind (1) · 0 (1) · partition (2) · key length (4) · value length (4)
const headerBytes = 16

type kind byte

const (
	putEntry    kind = 1 + iota
	deleteEntry      // no value
	offsetEntry      // value: changelog offset and unix seconds, 16 bytes
	wipeEntry        // the partition begins anew
	commitEntry      // everything since the commit before is in force
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrCorrupt says that a file does not hold what was written. The rows must be
// wiped and restored from the changelog.
var ErrCorrupt = errors.New("row log is corrupt")

type entry struct {
	kind       kind
	partition  uint16
	key, value []byte
	size       int64 // with padding
}

func appendEntry(b []byte, k kind, partition int32, key string, value []byte) []byte {
	start := len(b)
	var h [headerBytes]byte
	h[4] = byte(k)
	binary.LittleEndian.PutUint16(h[6:], uint16(partition))
	binary.LittleEndian.PutUint32(h[8:], uint32(len(key)))
	binary.LittleEndian.PutUint32(h[12:], uint32(len(value)))
	b = append(b, h[:]...)
	b = append(b, key...)
	b = append(b, value...)
	for len(b)%unit != start%unit {
		b = append(b, 0)
	}
	binary.LittleEndian.PutUint32(b[start:], crc32.Checksum(b[start+4:], castagnoli))
	return b
}

// readEntry reads the entry at the beginning of b. What is torn or altered is
// ErrCorrupt.
func readEntry(b []byte) (entry, error) {
	if len(b) < headerBytes {
		return entry{}, ErrCorrupt
	}
	keyLen, valueLen := int64(binary.LittleEndian.Uint32(b[8:])), int64(binary.LittleEndian.Uint32(b[12:]))
	size := (headerBytes + keyLen + valueLen + unit - 1) / unit * unit
	if size > maxEntry || size > int64(len(b)) || binary.LittleEndian.Uint32(b) != crc32.Checksum(b[4:size], castagnoli) {
		return entry{}, ErrCorrupt
	}
	key := b[headerBytes : headerBytes+keyLen]
	return entry{kind: kind(b[4]), partition: binary.LittleEndian.Uint16(b[6:]), key: key,
		value: b[headerBytes+keyLen : headerBytes+keyLen+valueLen : headerBytes+keyLen+valueLen], size: size}, nil
}
