//go:build !chaos

package chaos

import (
	"flag"
	"os"
	"testing"
)

// TestMain runs more tests at a time than there are cores: they mostly wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
