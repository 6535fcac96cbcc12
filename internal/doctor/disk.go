package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// space is what lies under a data directory, and what lies around it.
type space struct {
	free, tables uint64 // bytes
	made         bool   // the directory is there
	err          error  // it cannot be looked at, or not be written
}

const (
	gibibyte  = 1 << 30
	leastFree = gibibyte
	roomy     = 5 * gibibyte
)

// lookAt tries a file in the directory. One that is not there yet is not made:
// the nearest folder above it answers for it.
func lookAt(dir string) (s space) {
	at, err := filepath.Abs(dir)
	if err != nil {
		return space{err: err}
	}
	_, err = os.Stat(at)
	for s.made = err == nil; errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at); _, err = os.Stat(at) {
		at = filepath.Dir(at)
	}
	var st unix.Statfs_t
	if s.err = errors.Join(err, unix.Statfs(at, &st), unix.Access(at, unix.W_OK|unix.X_OK)); s.err != nil {
		return s
	}
	s.free = st.Bavail * uint64(st.Bsize)
	if s.made {
		s.err = try(at)
		s.tables = sizeOf(filepath.Join(at, "tables"))
	}
	return s
}

func try(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString("doctor\n")
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

// sizeOf adds up files. A worker that runs may remove one while it is counted.
func sizeOf(dir string) (total uint64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // what is gone takes no room
		}
		if i, err := e.Info(); err == nil {
			total += uint64(i.Size())
		}
		return nil
	})
	return total
}

// disk judges the room that tables have to grow and to be written anew.
func disk(s space) Finding {
	const check = "data directory"
	if s.err != nil {
		return fail(check, s.err.Error(), "give the worker a folder that it can write: engine.data-dir (--data-dir)")
	}
	found := fmt.Sprintf("%s free, tables take %s", inGibibytes(s.free), inGibibytes(s.tables))
	if !s.made {
		found += "; it is made at the first start"
	}
	const do = "free space, or choose another folder with engine.data-dir (--data-dir); tables may be deleted while the worker is stopped"
	switch {
	case s.free < leastFree, s.free < 2*s.tables:
		return fail(check, found+"; wants 1 GiB and twice the tables", do)
	case s.free < roomy:
		return warn(check, found+"; 5 GiB are better", do)
	}
	return ok(check, found)
}

func inGibibytes(n uint64) string { return fmt.Sprintf("%.1f GiB", float64(n)/gibibyte) }
