package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/engine"
	"payerflow/internal/topology"
)

// remembered is a history of some records. It breaks off once behind a number
// of them, if there is one.
type remembered struct {
	rs     []*kgo.Record
	lacks  string
	breaks int
}

func (h *remembered) Lacks(context.Context, string, int32, int64, int64) (string, error) {
	return h.lacks, nil
}

func (h *remembered) Read(_ context.Context, topic string, partition int32, from, to int64, _ time.Time, each func(*kgo.Record) error) error {
	for _, r := range h.rs {
		if r.Topic != topic || r.Partition != partition || r.Offset < from || r.Offset >= to {
			continue
		}
		if h.breaks--; h.breaks == 0 {
			return topology.ErrUnavailable
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// forget cuts the front half of the bells' inputs off, and returns all that
// they held.
func (c *cluster) forget() (held []*kgo.Record) {
	c.t.Helper()
	admin := kadm.NewClient(c.client)
	for _, s := range []topology.Topic{strokes.Topic, muffles.Topic} {
		held = append(held, c.readToEnd(s.Name)...)
		ends, err := admin.ListEndOffsets(context.Background(), s.Name)
		if err != nil {
			c.t.Fatal(err)
		}
		cut := kadm.Offsets{}
		ends.Each(func(o kadm.ListedOffset) { cut.AddOffset(o.Topic, o.Partition, o.Offset/2, -1) })
		if _, err := admin.DeleteRecords(context.Background(), cut); err != nil {
			c.t.Fatal(err)
		}
	}
	return held
}

// TestAVersionIsGivenWhatItsInputsForgot: from elsewhere, each record once, also
// where giving it is cut short; where it is nowhere, nothing is started.
func TestAVersionIsGivenWhatItsInputsForgot(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.createBells()
	const n = 90
	c.strike(0, n)
	e, _ := c.start(t.TempDir(), bothBells())
	eventually(t, "the first version to ring", func() bool { return e.Ready() == nil && len(c.rung().strokes) == n })
	history := &remembered{rs: c.forget()}

	refusedAs(t, c.replay().Start(t.Context(), bellsTwo, 0, false), engine.HistoryLost)
	r, err := engine.OpenReplay(c.brokers, bothBells(), "tester", history)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	history.lacks = "it has it up to offset 3"
	refusedAs(t, r.Start(t.Context(), bellsTwo, 0, false), engine.HistoryLost)
	history.lacks, history.breaks = "", 40
	if err := r.Start(t.Context(), bellsTwo, 0, false); err == nil {
		t.Fatal("started with half of a history")
	}
	if err := r.Start(t.Context(), bellsTwo, 0, false); err != nil {
		t.Fatal(err)
	}
	c.strike(n, n+20) // live events on the same keys
	eventually(t, "the shadow to fold all", func() bool {
		s := stateOf(t, r, bellsTwo)
		return s.All > 0 && s.Lag == 0 && stateOf(t, r, bellsOne).Lag == 0
	})
	d, err := r.Diff(t.Context(), bellsTwo, c.schemas, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	if d.Different != bellKeys || d.Fields["n"] != 0 || d.Missing+d.Extra != 0 {
		t.Errorf("a version that was given its history has other rows: %+v", d)
	}
	if got := c.rung(); len(got.twice) > 0 || len(got.strokes) != n+20 {
		t.Errorf("%d strokes rang, twice: %v", len(got.strokes), got.twice)
	}
}
