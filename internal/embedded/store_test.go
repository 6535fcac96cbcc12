package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStoreIsOfThisUserAlone in a folder that nobody else enters, also where
// its path is too long for a socket, and once.
func TestStoreIsOfThisUserAlone(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("d", 90))
	for _, dir := range []string{filepath.Join(t.TempDir(), "store"), long} {
		s, err := StartStore(t.Context(), StoreConfig{DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		var taken *DataDirInUseError
		if _, err := StartStore(t.Context(), StoreConfig{DataDir: dir}); !errors.As(err, &taken) {
			t.Errorf("a second one: %v", err)
		}
		if !strings.HasPrefix(s.URI(), "mongodb://%2F") {
			t.Errorf("reached at %s", s.URI())
		}
		if s.socket != "" {
			if info, err := os.Stat(s.socket); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the socket's folder: %v", err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.socket); s.socket != "" && !errors.Is(err, os.ErrNotExist) {
			t.Error("the socket's folder is left behind")
		}
	}
}
