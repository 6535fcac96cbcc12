package peers_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"payerflow/internal/peers"
	"payerflow/internal/topology"
)

// TestAReplicaAloneSaysSo: nobody folds, and no copy is allowed. That is no
// fault of the row's.
func TestAReplicaAloneSaysSo(t *testing.T) {
	c := newCluster(t)
	w := c.start(t.TempDir(), true, peers.Options{Timeout: 200 * time.Millisecond})
	_, err := w.Get(context.Background(), "claim-status", "claim-1", false)
	if !errors.As(err, new(*topology.AwayError)) {
		t.Errorf("%v", err)
	}
}
