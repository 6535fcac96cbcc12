package chaos

import (
	"testing"

	"go.uber.org/goleak"
)

// TestNothingIsLeftRunning opens, runs and closes workers: their goroutines
// end with them, also those of runs that were rebuilt after an error.
func TestNothingIsLeftRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("", func(t *testing.T) {
		b := newBench(t)
		b.refused(func() { b.facts(60) })
		b.stop()
		b.start()
		b.facts(60)
		b.settled()
	})
	goleak.VerifyNone(t, before)
}
