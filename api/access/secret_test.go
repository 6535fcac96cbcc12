package access

import (
	"io/fs"
	"testing"
)

// TestWhoMayReadTheSecret has the modes in which systemd, Kubernetes and people
// leave secrets.
func TestWhoMayReadTheSecret(t *testing.T) {
	const us = 65532
	for _, c := range []struct {
		what  string
		mode  fs.FileMode
		owner uint32
		self  int
		open  bool
	}{
		{"ours alone", 0o600, us, us, false},
		{"ours, and our group's", 0o640, us, us, true},
		{"everybody's", 0o644, us, us, true},
		{"root's, for our group", 0o440, 0, us, false},
		{"root's, for everybody", 0o444, 0, us, true},
		{"root's, written by the group", 0o460, 0, us, true},
		{"root's own", 0o400, 0, 0, false},
		{"root's own, and its group's", 0o440, 0, 0, true},
	} {
		if got := readByOthers(c.mode, c.owner, c.self); got != c.open {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
