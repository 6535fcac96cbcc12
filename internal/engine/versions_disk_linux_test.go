package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAShadowsDiskIsFull: the version stops and says why, the live one goes on,
// and when there is room again the version folds what it has not.
func TestAShadowsDiskIsFull(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.createBells()
	c.strike(0, 30)
	dir := t.TempDir()
	rows := filepath.Join(dir, "tables", bellsTwo+"-table")
	if err := os.MkdirAll(rows, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("bells", rows, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("needs the right to mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(rows, unix.MNT_DETACH) })
	e, _ := c.start(dir, bothBells())
	eventually(t, "the live version to fold", func() bool { return e.Ready() == nil && len(c.rung().strokes) == 30 })

	r := c.replay()
	if err := r.Start(t.Context(), bellsTwo, 0, false); err != nil {
		t.Fatal(err)
	}
	all := func() bool { s := stateOf(t, r, bellsTwo); return s.All > 0 && s.Lag == 0 }
	eventually(t, "the version to have its rows", all)

	ballast := filepath.Join(rows, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	c.strike(30, 60)
	eventually(t, "the version to stop and say why", func() bool {
		for _, g := range e.Status().Groups {
			if g.Name == bellsTwo && strings.Contains(g.LastError, "no space") {
				return true
			}
		}
		return false
	})
	eventually(t, "the live version to go on", func() bool { return len(c.rung().strokes) == 60 })
	if err := e.Ready(); err != nil {
		t.Errorf("the worker is not ready: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := r.Resume(t.Context(), bellsTwo, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the version to fold all", all)
	d, err := r.Diff(t.Context(), bellsTwo, c.schemas, func(int) {})
	if err != nil || d.Fields["n"] != 0 || d.Missing+d.Extra != 0 || d.Different != bellKeys {
		t.Errorf("%+v %v", d, err)
	}
	if got := c.rung(); len(got.twice) > 0 {
		t.Errorf("rang twice: %v", got.twice)
	}
}
