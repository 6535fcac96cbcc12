package stage

import (
	"testing"
	"time"
)

// patience is for how long a condition is awaited that has no bound of its own:
// long enough for a machine that is busy with other things.
const patience = time.Minute

// Await polls a condition until it holds, and gives up where it never will.
func Await(t testing.TB, what string, ok func() bool) { t.Helper(); Within(t, patience, what, ok) }

// Within is Await where the bound is a part of what the test proves.
func Within(t testing.TB, bound time.Duration, what string, ok func() bool) {
	t.Helper()
	end, tick := time.After(bound), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			t.Fatalf("not within %s: %s", bound, what)
		case <-tick.C:
		}
	}
}

// Must ends the test where there is an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
