package engine_test

import (
	"fmt"
	"testing"

	"payerflow/events"
	"payerflow/internal/engine"
	"payerflow/topologies"
)

// TestStandbysFollowAndTakeOver stops one of two workers: the other has had its
// rows all along, has not served them, and now does.
func TestStandbysFollowAndTakeOver(t *testing.T) {
	c := newCluster(t)
	c.standby = true
	a, stop := c.start(t.TempDir(), folding())
	b, _ := c.start(t.TempDir(), folding())
	const claims = 60
	for i := range claims {
		c.produce(record(c, topologies.ClaimSubmitted, submitted(events.ID(fmt.Sprintf("claim-%d", i)))))
	}
	served := func(e *engine.Engine) (n int) {
		for i := range claims {
			if _, err := e.Get("claim-status", fmt.Sprintf("claim-%d", i), false); err == nil {
				n++
			}
		}
		return n
	}
	followed := func(e *engine.Engine) (rows, standbys int) {
		if t := e.Status().Groups[0].Table; t != nil {
			for _, p := range t.Partitions {
				rows += p.Rows
				if p.Standby {
					standbys++
				}
			}
		}
		return rows, standbys
	}
	eventually(t, "two workers that each serve a part and follow all", func() bool {
		rowsA, standbysA := followed(a)
		rowsB, standbysB := followed(b)
		return served(a) > 0 && served(b) > 0 && served(a)+served(b) == claims && rowsA == claims && rowsB == claims && standbysA+standbysB == 12
	})
	stop()
	eventually(t, "all rows from the one that is left", func() bool { _, standbys := followed(b); return served(b) == claims && standbys == 0 })
}
