//go:build chaos

package engine

import (
	"context"
	"os"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sys/unix"
)

// Sabotage is what a chaos build can do to the engines of its process. The
// first two count batches that changed rows, from now on: this process is
// killed at the nth. The others are the mistakes that the engine exists to
// avoid, to show that the checker sees them; set them before Run.
var Sabotage struct {
	DieBeforeCommit atomic.Int64 // all is produced, nothing committed
	DieBeforeStore  atomic.Int64 // Kafka has committed, the local state has not

	StoreFirst  bool // rows reach the local state before Kafka has committed
	CommitFirst bool // offsets are committed by the highest mark, apart from the transaction
	HideMarkers bool // transaction markers are withheld from recovery
}

func beforeCommit(s *session) {
	if !s.changed() || s.rows.g.Outside { // effects happen at least once: no mistake of these shows there
		return
	}
	if Sabotage.StoreFirst {
		_ = s.rows.Store(time.Now()) // an error shows as a wrong row
	}
	if Sabotage.CommitFirst {
		s.rt.client.CommitOffsetsSync(context.Background(), s.rt.client.UncommittedOffsets(), nil)
	}
	dieAt(&Sabotage.DieBeforeCommit)
}

func beforeStore(s *session) {
	if s.changed() {
		dieAt(&Sabotage.DieBeforeStore)
	}
}

func (s *session) changed() bool {
	for p := range s.rows.All() {
		if p.Changed() > 0 {
			return true
		}
	}
	return false
}

func dieAt(nth *atomic.Int64) {
	if nth.Load() > 0 && nth.Add(-1) == 0 {
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		select {} // until it arrives
	}
}

func markers() kgo.Opt {
	if Sabotage.HideMarkers {
		return kgo.WithHooks()
	}
	return kgo.KeepControlRecords()
}
