package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

// claim is this process's hold on a data directory. A second worker on the
// same directory would be its twin: same transactional ids, same state.
type claim struct {
	id   string // stable for the directory
	file *os.File
}

// ErrDataDirInUse says that another process works in the data directory.
var ErrDataDirInUse = errors.New("another process uses the data directory; give each worker its own --data-dir")

func claimDir(dir string) (*claim, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "instance-id"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, ErrDataDirInUse), f.Close())
	}
	c := &claim{file: f}
	if c.id, err = readOrMakeID(f); err != nil {
		return nil, errors.Join(fmt.Errorf("data directory: %w", err), f.Close())
	}
	return c, nil
}

func readOrMakeID(f *os.File) (string, error) {
	b := make([]byte, 64)
	n, _ := f.ReadAt(b, 0)
	if id := strings.TrimSpace(string(b[:n])); uuid.Validate(id) == nil {
		return id, nil
	}
	id := uuid.NewString()
	if err := f.Truncate(0); err != nil {
		return "", err
	}
	if _, err := f.WriteAt([]byte(id+"\n"), 0); err != nil {
		return "", err
	}
	return id, f.Sync()
}

func (c *claim) release() error { return c.file.Close() }
