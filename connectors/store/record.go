package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"payerflow/events"
)

// HeaderRehydrated marks a record that was written to a topic from the store:
// its value is the ID that it has there. It is the same record, and is not
// stored a second time.
const HeaderRehydrated = "pf_rehydrated"

// Shelf is one partition of a topic, of one incarnation of it: a topic that was
// deleted and made anew is another one. Incarnations count from 1.
type Shelf struct {
	Topic       string `json:"topic"`
	Incarnation int    `json:"incarnation"`
	Partition   int32  `json:"partition"`
}

// ID is a record's identity: what is written twice is held once.
type ID struct {
	Shelf
	Offset int64 `json:"offset"`
}

// String is topic/incarnation/partition/offset, ordered as text within a shelf.
func (id ID) String() string {
	return fmt.Sprintf("%s/%d/%d/%019d", id.Topic, id.Incarnation, id.Partition, id.Offset)
}

// ParseID reads what String writes; leading zeros may be absent.
func ParseID(s string) (ID, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 4 || parts[0] == "" {
		return ID{}, errID
	}
	incarnation, err1 := strconv.ParseInt(parts[1], 10, 32)
	partition, err2 := strconv.ParseInt(parts[2], 10, 32)
	offset, err3 := strconv.ParseInt(parts[3], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || incarnation < 1 || partition < 0 || offset < 0 {
		return ID{}, errID
	}
	return ID{Shelf{parts[0], int(incarnation), int32(partition)}, offset}, nil
}

// Header is one of a record's headers. A nil value is null, an empty one is not.
type Header struct {
	Key   string
	Value []byte
}

// Record is one record of a topic, exactly as it is there, and what is known of
// its event. A nil key or value is null, an empty one is not.
type Record struct {
	ID
	Time    time.Time // of the record, in milliseconds
	Key     []byte
	Value   []byte
	Headers []Header
	Event   *Event // nil: it carries none, or one that does not decode
}

// Header is the value of the first header of a name, nil where there is none.
func (r Record) Header(name string) []byte {
	for _, h := range r.Headers {
		if h.Key == name {
			return h.Value
		}
	}
	return nil
}

// Event is what records are found by.
type Event struct {
	ID          string
	Type        string
	Subject     string // the entity's key
	Tags        []string
	At          time.Time // event time
	Transaction string
	User        string
	Source      string // system
	Synthetic   bool
	Body        events.Body
}

// Checksum is of key, value, time stamp and headers, and of nothing else: a
// record has it wherever it lies. The mark of a rehydrated one does not count.
func (r Record) Checksum() uint64 {
	h := sha256.New()
	var n [8]byte
	write := func(b []byte) {
		size := uint64(len(b)) << 1
		if b == nil {
			size = 1
		}
		binary.BigEndian.PutUint64(n[:], size)
		_, _ = h.Write(n[:]) // a hash takes everything
		_, _ = h.Write(b)
	}
	binary.BigEndian.PutUint64(n[:], uint64(r.Time.UnixMilli()))
	_, _ = h.Write(n[:])
	write(r.Key)
	write(r.Value)
	for _, header := range r.Headers {
		if header.Key != HeaderRehydrated {
			write([]byte(header.Key))
			write(header.Value)
		}
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// Placed mixes a record's checksum with its offset. The sum of a set's, modulo
// 2^64, is the set's checksum: the order in which it is added up is no matter,
// and two records in each other's places change it.
func Placed(checksum uint64, offset int64) uint64 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], checksum)
	binary.BigEndian.PutUint64(b[8:], uint64(offset))
	return xxhash.Sum64(b[:])
}

// Original is the record under the identity that its mark gives it, without
// the mark. One whose mark cannot be read is a record of its own.
func (r Record) Original() Record {
	for i, h := range r.Headers {
		if h.Key != HeaderRehydrated {
			continue
		}
		id, err := ParseID(string(h.Value))
		if err != nil {
			return r
		}
		r.ID = id
		r.Headers = append(r.Headers[:i:i], r.Headers[i+1:]...)
		return r
	}
	return r
}
