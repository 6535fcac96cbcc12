package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Names of this package's own files inside a data directory, beside kfake's.
const (
	lockFile    = "payerflow.lock"       // flock: who uses the directory
	cleanFile   = "payerflow.clean"      // present: the last process closed it in order
	endsFile    = "payerflow.ends.json"  // end offsets of partitions that may become empty
	undoDir     = "payerflow.undo"       // hard links to segments that a clean-up rewrites
	undoReady   = "payerflow.undo.ready" // present: undoDir is whole and must be put back
	windowsFile = "seq_windows.json"     // kfake's: last sequences per producer, as of a clean close
)

// DataDirInUseError says that another process holds the data directory.
type DataDirInUseError struct {
	Dir string
	PID string // of the holder, as it wrote it; "" when unknown
}

func (e *DataDirInUseError) Error() string {
	by := "another process"
	if e.PID != "" {
		by = "process " + e.PID
	}
	return fmt.Sprintf("embedded broker: data directory %s is in use by %s", e.Dir, by)
}

// dirLock is an flock: the kernel frees it when the process dies.
type dirLock struct{ f *os.File }

// lockDir creates dir if needed and takes it, or says who has it.
func lockDir(dir string) (*dirLock, error) {
	// Records are PHI, and kfake keeps what passwords can be replaced by.
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o700)); err != nil { //nolint:gosec // a directory
		return nil, fmt.Errorf("embedded broker: data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: data directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(f.Name()) // best effort: only words the error
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &DataDirInUseError{Dir: dir, PID: string(holder)}
		}
		return nil, fmt.Errorf("embedded broker: locking %s: %w", dir, err)
	}
	if err := writeHolder(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("embedded broker: locking %s: %w", dir, err)
	}
	return &dirLock{f}, nil
}

func writeHolder(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%d", os.Getpid()), 0)
	return err
}

// release frees the directory; a nil lock is free already.
func (l *dirLock) release() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}

// opened takes away what is true only until the first write: the mark of an
// orderly close, and the producers' last sequences, which after a kill would
// be older than the log and make the broker refuse a live producer.
func (b *Broker) opened() error {
	if b.dir == "" {
		return nil
	}
	for _, name := range []string{cleanFile, windowsFile} {
		if err := os.Remove(filepath.Join(b.dir, name)); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("embedded broker: opening %s: %w", b.dir, err)
		}
	}
	return nil
}

// markClean records that everything kfake saves at its end is on disk.
func markClean(dir string) error {
	if err := writeFile(filepath.Join(dir, cleanFile), nil); err != nil {
		return fmt.Errorf("embedded broker: closing %s: %w", dir, err)
	}
	return nil
}

// writeFile replaces path in one step: readers see the old or the new bytes.
func writeFile(path string, data []byte) error {
	tmp, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
