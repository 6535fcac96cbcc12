package engine_test

import (
	"errors"
	"testing"
	"time"

	"payerflow/internal/engine"
	"payerflow/internal/topology"
)

// TestWatchesAndReplicasMoveWithASwitch: a watch of the old version ends on the
// worker and on the replica, so that it goes on with the row as the new one has
// it; its place means nothing in the new one; and the replica, too, never
// answers from the old version again.
func TestWatchesAndReplicasMoveWithASwitch(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.createBells()
	c.strike(0, 30)
	worker, _ := c.start(t.TempDir(), bothBells())
	replica := c.follow(bothBells())
	r := c.replay()
	if err := r.Start(t.Context(), bellsTwo, 0, false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the shadow to fold all", func() bool { s := stateOf(t, r, bellsTwo); return s.All > 0 && s.Lag == 0 })
	at := topology.Partition([]byte(key(1)), strokes.Topic.Partitions)
	version := func(e *engine.Engine) int {
		in := e.Incarnation("bells")
		read, err := e.Read(t.Context(), topology.Question{View: "bells", Partition: at, Keys: []string{key(1)}, Staleness: time.Hour})
		if err != nil || read.Rows[0].Value == nil {
			return 0
		}
		row, err := e.Decode("bells", in, read.Rows[0].Value)
		if err != nil {
			return 0
		}
		return row.(bell).Version
	}
	both := []*engine.Engine{worker, replica}
	var watching []topology.Watching
	var was []topology.Watch
	for _, e := range both {
		eventually(t, "a row of the first version", func() bool { return version(e) == 1 })
		w := topology.Watch{View: "bells", Partition: at, Key: key(1), Incarnation: e.Incarnation("bells")}
		watch, err := e.Watch(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(watch.Close)
		watching, was = append(watching, watch), append(was, w)
	}
	if err := r.Switch(t.Context(), bellsTwo); err != nil {
		t.Fatal(err)
	}
	for i, e := range both {
		eventually(t, "the watch to end", func() bool {
			_, _, err := watching[i].Take()
			return errors.Is(err, topology.ErrNoPosition)
		})
		eventually(t, "a row of the second version", func() bool {
			switch version(e) {
			case 1:
				t.Fatal("the old version answers after a watch of it has ended")
			case 2:
				return true
			}
			return false
		})
		eventually(t, "a watch of the second version", func() bool {
			next := was[i]
			next.Incarnation = e.Incarnation("bells")
			watch, err := e.Watch(t.Context(), next)
			if err == nil {
				watch.Close()
			}
			return err == nil
		})
		if _, err := e.Watch(t.Context(), was[i]); !errors.Is(err, topology.ErrNoPosition) {
			t.Errorf("a place of the old version is taken: %v", err)
		}
	}
}
