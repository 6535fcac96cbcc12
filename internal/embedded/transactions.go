package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"time"
)

// openTx is a transaction that no marker ended in one partition.
type openTx struct {
	pdir     string
	segment  int64 // first offset of the partition's last segment
	next     int64 // the partition's end
	producer int64
	epoch    int16
}

// checkPartitions cuts torn tails off segments, makes each index as long as
// its segment, and finds the transactions left open.
func checkPartitions(dir string) ([]openTx, error) {
	dirs, err := os.ReadDir(filepath.Join(dir, "partitions"))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var open []openTx
	for _, d := range dirs {
		found, err := checkPartition(filepath.Join(dir, "partitions", d.Name()))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Name(), err)
		}
		open = append(open, found...)
	}
	return open, nil
}

func checkPartition(pdir string) ([]openTx, error) {
	bases, err := segmentBases(pdir)
	if err != nil {
		return nil, err
	}
	var next int64
	epochs := map[int64]int16{} // of producers with an open transaction
	for _, base := range bases {
		heads, err := checkSegment(pdir, base)
		if err != nil {
			return nil, err
		}
		for _, h := range heads {
			next = h.next
			switch {
			case h.control():
				delete(epochs, h.producer)
			case h.openTx():
				epochs[h.producer] = h.epoch
			}
		}
	}
	var open []openTx
	for producer, epoch := range epochs {
		open = append(open, openTx{pdir, bases[len(bases)-1], next, producer, epoch})
		next++ // the marker before takes one offset
	}
	return open, nil
}

func checkSegment(pdir string, base int64) ([]batchHead, error) {
	raw, err := os.ReadFile(segmentPath(pdir, base))
	if err != nil {
		return nil, err
	}
	heads, valid := batchHeads(raw)
	if valid < len(raw) {
		if err := os.Truncate(segmentPath(pdir, base), int64(valid)); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(indexPath(pdir, base))
	have := 0
	if err == nil {
		have = int(info.Size() / indexSize)
	} else if !os.IsNotExist(err) {
		return nil, err
	}
	if err == nil && info.Size() == int64(len(heads)*indexSize) {
		return heads, nil
	}
	// The index was behind, ahead, or torn in an entry; what follows it would
	// be read at the wrong place.
	have = min(have, len(heads))
	var missing []byte
	for _, h := range heads[have:] {
		missing = append(missing, indexEntry(h)...)
	}
	return heads, appendAt(indexPath(pdir, base), int64(have*indexSize), missing)
}

// abortOpen ends the open transactions on disk. kfake itself treats them as
// aborted, but writes no marker: a later commit of the same producer would
// bring their records back at the next kill. The producer's epoch goes up
// first, so that a client that outlived the broker is fenced.
func abortOpen(dir string, open []openTx, producers [][]byte) error {
	epochs := map[int64]int16{}
	for _, tx := range open {
		epochs[tx.producer] = max(epochs[tx.producer], tx.epoch)
	}
	for _, entry := range producers {
		var p struct {
			PID   int64 `json:"pid"`
			Epoch int16 `json:"epoch"`
		}
		if err := json.Unmarshal(entry, &p); err != nil {
			return fmt.Errorf("pids.log: %w", err)
		}
		if epoch, ok := epochs[p.PID]; ok {
			epochs[p.PID] = max(epoch, p.Epoch)
		}
	}
	var fences []byte
	for producer, epoch := range epochs {
		if epoch < math.MaxInt16-1 {
			fences = append(fences, fenceEntry(producer, epoch+1)...)
		}
	}
	if len(fences) > 0 {
		if err := appendAt(filepath.Join(dir, "pids.log"), -1, fences); err != nil {
			return err
		}
	}
	now := time.Now()
	for _, tx := range open {
		raw := abortBatch(tx.next, tx.producer, tx.epoch, now)
		head := batchHead{attrs: attrControl | attrTransactional}
		if err := errors.Join(
			appendAt(segmentPath(tx.pdir, tx.segment), -1, raw),
			appendAt(indexPath(tx.pdir, tx.segment), -1, indexEntry(head)),
		); err != nil {
			return err
		}
	}
	return nil
}

// fenceEntry is kfake's log entry for an epoch that the coordinator raised.
func fenceEntry(producer int64, epoch int16) []byte {
	data := fmt.Appendf(nil, `{"type":"timeout","pid":%d,"epoch":%d}`, producer, epoch)
	e := make([]byte, 10, 10+len(data))
	binary.LittleEndian.PutUint32(e, uint32(2+len(data)))
	binary.LittleEndian.PutUint16(e[8:], 1)
	e = append(e, data...)
	binary.LittleEndian.PutUint32(e[4:], crc32.Checksum(e[8:], castagnoli))
	return e
}
