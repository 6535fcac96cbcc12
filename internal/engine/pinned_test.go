package engine_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/engine"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// seenOnce is kept for a moment for each event identity.
type seenOnce struct {
	Until time.Time `json:"until"`
	Over  bool      `json:"over"`
}

func (seenOnce) Because() topology.Because       { return topology.Because{} }
func (s seenOnce) LatestEventAt() time.Time      { return s.Until }
func (s seenOnce) Gone() bool                    { return s.Over }
func (s seenOnce) due() time.Time                { return s.Until }
func (s seenOnce) wake(topology.Waking) seenOnce { s.Over = true; return s }

// rule is what the group is pinned to.
type rule struct{ version int64 }

func (r rule) Version() int64 { return r.version }
func (r rule) Hash() string   { return "h" }

func (r rule) Mark(worker string, ranges []topology.Range) topology.Output {
	b := events.BatchRouted{Worker: worker, ControlOffset: r.version, At: at}
	for _, x := range ranges {
		b.Ranges = append(b.Ranges, events.Range(x))
	}
	return topology.Output{Key: worker, Value: routed{b}}
}

// routed makes the marker an event for the test.
type routed struct{ events.BatchRouted }

func (routed) EventType() string     { return "BATCH_ROUTED" }
func (r routed) Subject() string     { return r.Worker }
func (routed) OccurredAt() time.Time { return at.Time() }
func (routed) Validate() error       { return nil }

const passedBy = "pf_origin"

var (
	marks = topology.Stream[routed]{
		Topic: topology.Topic{Name: "test.batch.routed", Partitions: 2, Cleanup: topology.Delete, MaxMessageBytes: 1 << 20}, Codec: plain[routed]{},
	}
	once = topology.Group[seenOnce]{
		Name: "once.v1-test-consumer", Rows: plain[seenOnce]{}, Pinned: true,
		Inputs: topology.Inputs[seenOnce]{
			topology.FoldWith(topologies.ClaimSubmitted, inForce, routeOnce).Without(passedBy).ByID(),
		},
		Outputs: []topology.StreamRef{copies.Ref(), marks.Ref()},
		Timer: topology.Timer[seenOnce]{Due: seenOnce.due, Wake: func(s seenOnce, w topology.Waking) (seenOnce, []topology.Output) {
			return s.wake(w), nil
		}},
		View: topology.View{Name: "once", Key: "id"},
	}
)

func inForce(r topology.Reader, _ topology.Record[events.ClaimSubmitted]) rule {
	return topology.Pin[rule](r)
}

func routeOnce(row seenOnce, rec topology.Record[events.ClaimSubmitted], r rule) (seenOnce, []topology.Output) {
	if !row.Until.IsZero() {
		return row, nil
	}
	row.Until = rec.Source.Timestamp.Add(time.Hour)
	switch rec.Key {
	case "brief":
		row.Until = rec.Source.Timestamp
	case "soon":
		row.Until = rec.Source.Timestamp.Add(time.Second)
	}
	return row, []topology.Output{{Key: rec.Key, Value: rec.Body, Headers: []topology.Header{
		{Key: passedBy, Value: []byte("once")}, {Key: "ce_transactionid", Value: fmt.Append(nil, r.version)}}}}
}

// TestPinnedRowsByIdentity sends each event twice, and others that carry the
// header that the group passes by, while what it is pinned to is away at first.
func TestPinnedRowsByIdentity(t *testing.T) {
	c := newCluster(t)
	group := once.Declare()
	c.create(append(group.Topics(), copies.Topic, marks.Topic)...)
	var version atomic.Int64 // 0: away
	cfg := c.config(t.TempDir())
	if _, err := engine.Open(cfg, []topology.Declared{group}, c.schemas); err == nil {
		t.Fatal("a group that is pinned to nothing was opened")
	}
	var asked atomic.Int64
	cfg.DataDir, cfg.Pins = t.TempDir(), map[string]func() (topology.Pinned, error){group.Name: func() (topology.Pinned, error) {
		asked.Add(1)
		if v := version.Load(); v != 0 {
			return rule{v}, nil
		}
		return nil, fmt.Errorf("no rules: %w", topology.ErrUnavailable)
	}}
	first, stop := c.startWith(cfg, []topology.Declared{group})
	const n = 40
	for i := range n {
		r := record(c, topologies.ClaimSubmitted, submitted(events.ID(fmt.Sprintf("c%d", i))))
		r.Headers = []kgo.RecordHeader{{Key: topology.HeaderID, Value: fmt.Append(nil, "e", i)}, {Key: "ce_transactionid", Value: []byte("secret")}}
		again := *r
		stray := *r
		stray.Headers = append(r.Headers[:1:1], kgo.RecordHeader{Key: passedBy, Value: []byte("x")})
		stray.Partition = (r.Partition + 1) % 12
		c.produce(r, &stray, &again)
	}
	c.produce(record(c, topologies.ClaimSubmitted, submitted("brief")))
	eventually(t, "that it waits", func() bool { return asked.Load() > 1 })
	version.Store(7)
	eventually(t, "all outputs", func() bool { return len(c.read(copies.Topic.Name, 1)) >= n+1 })
	outs := c.read(copies.Topic.Name, n+1)
	if len(outs) != n+1 {
		t.Errorf("%d outputs, want %d", len(outs), n+1)
	}
	for _, r := range outs {
		h := map[string]string{}
		for _, x := range r.Headers {
			if _, twice := h[x.Key]; twice {
				t.Errorf("header %s twice", x.Key)
			}
			h[x.Key] = string(x.Value)
		}
		if h[passedBy] != "once" || h["ce_transactionid"] != "7" {
			t.Errorf("headers %v", h)
		}
	}
	covered := int64(0)
	eventually(t, "marks of all input", func() bool {
		covered = 0
		for _, r := range c.read(marks.Topic.Name, 1) {
			m, err := plain[routed]{}.Decode(r.Value)
			if err != nil || m.ControlOffset != 7 || m.Worker == "" {
				t.Fatalf("%+v, %v", m, err)
			}
			for _, x := range m.Ranges {
				covered += x.To - x.From
			}
		}
		return covered >= 3*n+1
	})
	if p := first.Status().Groups[0].Pinned; p == nil || p.Version != 7 || p.Hash != "h" || len(p.Ranges) == 0 {
		t.Errorf("the worker says that it was pinned to %+v", p)
	}
	eventually(t, "the tombstone of a row that is over", func() bool {
		gone := 0
		for _, r := range c.read(group.Table.Name, n+1) {
			if r.Value == nil {
				gone++
			}
		}
		return gone == 1
	})
	stop()
	// What was taken away stays away after a restore from the changelog.
	cfg.DataDir = t.TempDir()
	e, _ := c.startWith(cfg, []topology.Declared{group})
	eventually(t, "the rows", func() bool {
		page, err := e.List("once", topology.Place{}, 1000, false)
		return err == nil && len(page.Rows) == n && e.Ready() == nil
	})
}

// TestTicksWaitForWhatTheyArePinnedTo: a row is due while there is nothing to
// be pinned to. The worker asks again after a while, and not without a pause.
func TestTicksWaitForWhatTheyArePinnedTo(t *testing.T) {
	c := newCluster(t)
	group := once.Declare()
	c.create(append(group.Topics(), copies.Topic, marks.Topic)...)
	var away atomic.Bool
	var asked atomic.Int64
	cfg := c.config(t.TempDir())
	cfg.Pins = map[string]func() (topology.Pinned, error){group.Name: func() (topology.Pinned, error) {
		if asked.Add(1); away.Load() {
			return nil, fmt.Errorf("no rules: %w", topology.ErrUnavailable)
		}
		return rule{7}, nil
	}}
	e, _ := c.startWith(cfg, []topology.Declared{group})
	soon := record(c, topologies.ClaimSubmitted, submitted("soon"))
	soon.Timestamp = soon.Timestamp.Add(3 * time.Second) // there before it is over
	c.produce(soon)
	rows := func() int {
		page, err := e.List("once", topology.Place{}, 10, false)
		if err != nil {
			return -1
		}
		return len(page.Rows)
	}
	eventually(t, "the row", func() bool { return rows() == 1 })
	away.Store(true)
	from := asked.Load()
	eventually(t, "the first question", func() bool { return asked.Load() > from })
	began := time.Now()
	eventually(t, "three more", func() bool { return asked.Load() > from+3 })
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("three more questions within %v", took)
	}
	away.Store(false)
	eventually(t, "the row to be over", func() bool { return rows() == 0 })
}
