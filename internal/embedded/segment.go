package embedded

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Bits of a record batch's attributes, as the Kafka protocol numbers them.
const (
	attrTransactional = 0x10
	attrControl       = 0x20
)

// batchHead is what recovery asks of a stored record batch.
type batchHead struct {
	next     int64 // offset after its last record
	attrs    int16
	producer int64
	epoch    int16
}

func (h batchHead) control() bool { return h.attrs&attrControl != 0 }
func (h batchHead) openTx() bool  { return h.attrs&attrTransactional != 0 && !h.control() }

// segmentBases lists the first offsets that name a partition's segments,
// ascending; none when the partition has no directory yet.
func segmentBases(pdir string) ([]int64, error) {
	entries, err := os.ReadDir(pdir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var bases []int64
	for _, e := range entries {
		name, isData := strings.CutSuffix(e.Name(), ".dat")
		if base, err := strconv.ParseInt(name, 10, 64); isData && err == nil {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	return bases, nil
}

// batchHeads reads whole batches with a right checksum from the start of raw
// and returns how many bytes they take.
func batchHeads(raw []byte) (heads []batchHead, valid int) {
	const headSize, lengthAt = 61, 12
	for len(raw)-valid >= headSize {
		rest := raw[valid:]
		size := lengthAt + int(int32(binary.BigEndian.Uint32(rest[8:])))
		if size < headSize || size > len(rest) {
			break
		}
		if crc32.Checksum(rest[21:size], castagnoli) != binary.BigEndian.Uint32(rest[17:]) {
			break
		}
		heads = append(heads, readHead(rest[:size]))
		valid += size
	}
	return heads, valid
}

func readHead(b []byte) batchHead {
	return batchHead{
		next:     int64(binary.BigEndian.Uint64(b)) + int64(int32(binary.BigEndian.Uint32(b[23:]))) + 1,
		attrs:    int16(binary.BigEndian.Uint16(b[21:])),
		producer: int64(binary.BigEndian.Uint64(b[43:])),
		epoch:    int16(binary.BigEndian.Uint16(b[51:])),
	}
}

// emptyBatch holds its one offset and no record.
func emptyBatch(base int64) []byte {
	return seal(kmsg.RecordBatch{
		FirstOffset: base, PartitionLeaderEpoch: 0, Magic: 2,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
	})
}

// abortBatch ends a producer's transaction in one partition without its records.
func abortBatch(base, producer int64, epoch int16, now time.Time) []byte {
	record := kmsg.Record{
		Key:   (&kmsg.ControlRecordKey{Type: kmsg.ControlRecordKeyTypeAbort}).AppendTo(nil),
		Value: (&kmsg.EndTxnMarker{}).AppendTo(nil),
	}
	record.Length = int32(len(record.AppendTo(nil)) - 1) // the length itself is one byte here
	return seal(kmsg.RecordBatch{
		FirstOffset: base, Magic: 2, Attributes: attrTransactional | attrControl,
		FirstTimestamp: now.UnixMilli(), MaxTimestamp: now.UnixMilli(),
		ProducerID: producer, ProducerEpoch: epoch, FirstSequence: -1,
		NumRecords: 1, Records: record.AppendTo(nil),
	})
}

// seal fills in length and checksum.
func seal(b kmsg.RecordBatch) []byte {
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], castagnoli))
	return raw
}

// indexSize is the size of kfake's index entry for one batch: version,
// checksum, leader epoch, a timestamp that it recomputes, transactional flag.
const indexSize = 15

func indexEntry(h batchHead) []byte {
	e := make([]byte, indexSize)
	e[0] = 1
	if h.openTx() {
		e[14] = 1
	}
	e[1] = byte(crc32.Checksum(e[2:], castagnoli))
	return e
}
