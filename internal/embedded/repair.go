package embedded

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
)

// repair makes a data directory that was left in any state, by a kill at any
// moment, one that kfake loads without loss. It runs before kfake does and may
// itself be killed and run again.
func repair(dir string, log *brokerLog) error {
	if _, err := os.Stat(filepath.Join(dir, "meta.json")); os.IsNotExist(err) {
		return nil // never used
	}
	if err := undoClean(dir); err != nil {
		return err
	}
	if err := holdEnds(dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, cleanFile)); err == nil {
		return nil
	}
	log.log.Warn("the broker was not closed in order; checking its data", "dir", dir)
	// kfake skips a torn tail of these logs but appends after it, and would
	// lose everything appended at the next kill.
	if _, err := cutLog(filepath.Join(dir, "groups.log")); err != nil {
		return err
	}
	producers, err := cutLog(filepath.Join(dir, "pids.log"))
	if err != nil {
		return err
	}
	open, err := checkPartitions(dir)
	if err != nil {
		return err
	}
	if len(open) > 0 {
		log.log.Warn("aborting transactions that were open when the broker stopped", "partitions", len(open))
	}
	return abortOpen(dir, open, producers)
}

// cutLog truncates a torn tail off one of kfake's append logs (length,
// checksum, version, JSON, little-endian) and returns the entries before it.
func cutLog(path string) ([][]byte, error) {
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	valid := 0
	for len(raw)-valid >= 10 {
		rest := raw[valid:]
		size := 8 + int64(binary.LittleEndian.Uint32(rest))
		if size < 10 || size > int64(len(rest)) || crc32.Checksum(rest[8:size], castagnoli) != binary.LittleEndian.Uint32(rest[4:]) {
			break
		}
		entries = append(entries, rest[10:size])
		valid += int(size)
	}
	if valid == len(raw) {
		return entries, nil
	}
	return entries, os.Truncate(path, int64(valid))
}

// appendAt writes data at an offset, or at the end for -1, and cuts what follows.
func appendAt(path string, at int64, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	if at < 0 {
		info, err := f.Stat()
		if err != nil {
			return errors.Join(err, f.Close())
		}
		at = info.Size()
	}
	_, err = f.WriteAt(data, at)
	if err == nil {
		err = f.Truncate(at + int64(len(data)))
	}
	return errors.Join(err, f.Sync(), f.Close())
}
