//go:build goka_faults

package sim

import "testing"

// TestFaultsAreFound: each mistake of goka shows within 1,000 seeds.
func TestFaultsAreFound(t *testing.T) {
	for _, f := range []mistake{commitPastAFailure, dirtyStore, markerWithoutOutput} {
		t.Run(f.String(), func(t *testing.T) {
			fault = f
			defer func() { fault = noFault }()
			for n := uint64(1); n <= 1000; n++ {
				if err := Run(n, nil); err != nil {
					t.Logf("found by seed %d: %v", n, err)
					return
				}
			}
			t.Error("it was not found within 1,000 seeds")
		})
	}
}
