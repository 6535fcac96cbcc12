package engine_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// slow takes its time for each request.
type slow struct {
	net.Conn
	by time.Duration
}

func (s slow) Write(b []byte) (int, error) {
	<-time.After(s.by)
	return s.Conn.Write(b)
}

// TestManyCopiesAreFreshThoughBrokersAreSlow follows the tables of all views
// while each request takes a tenth of a second, and one of them is written all
// the time: what is known of a copy must not grow old with the number of views.
func TestManyCopiesAreFreshThoughBrokersAreSlow(t *testing.T) {
	c := newCluster(t)
	_, _ = c.start(t.TempDir(), []topology.Declared{topologies.ClaimStatus.Declare(), topologies.ClaimsByMember.Declare(), topologies.ClaimsByProvider.Declare()})
	over := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-over:
				return
			case <-tick.C:
				r := record(c, topologies.ClaimSubmitted, submitted(events.ID(fmt.Sprintf("claim-%d", n))))
				if err := c.client.ProduceSync(context.Background(), r).FirstErr(); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	defer writing.Wait()
	defer close(over)

	cfg := c.config(t.TempDir())
	cfg.Freshness = 4 * time.Second
	cfg.Client = []kgo.Opt{kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return slow{conn, 100 * time.Millisecond}, err
	})}
	var views []topology.Declared
	for _, d := range topologies.All {
		if d.View.Name != "" && !d.Pinned {
			views = append(views, d)
		}
	}
	e := c.followWith(cfg, views)
	within(t, time.Minute, fmt.Sprintf("fresh copies of %d views", len(views)), func() bool { return e.Ready() == nil })
}
