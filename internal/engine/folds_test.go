package engine_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"payerflow/internal/engine"
	"payerflow/internal/topology"
)

// TestAFoldThatChangedSaysSo: on the worker whose fold is another than the
// table was begun with, and to whoever asks the brokers; not for a version that
// begins anew, nor once somebody says that the rows are the same.
func TestAFoldThatChangedSaysSo(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.createBells()
	c.strike(0, 10)
	dir := t.TempDir()
	begin := func(folds map[string]string) (*engine.Engine, *prometheus.Registry, func()) {
		cfg := c.config(dir)
		metrics := prometheus.NewRegistry()
		cfg.Folds, cfg.Metrics = folds, metrics
		e, stop := c.startWith(cfg, bothBells())
		eventually(t, "ready", func() bool { return e.Ready() == nil })
		return e, metrics, stop
	}
	changed := func(e *engine.Engine, group string) bool {
		for _, g := range e.Status().Groups {
			if g.Name == group {
				return g.Changed
			}
		}
		return false
	}
	r := c.replay()
	asked := func(now map[string]string) []topology.Note {
		t.Helper()
		begun, err := r.Folds(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return topology.CheckFolds(bothBells(), begun, now)
	}
	first := map[string]string{bellsOne: "a-1", bellsTwo: "b-1"}
	e, _, stop := begin(first)
	eventually(t, "the fold to be noted", func() bool { folds, err := r.Folds(t.Context()); return err == nil && folds[bellsOne] == "a-1" })
	if changed(e, bellsOne) || len(asked(first)) > 0 {
		t.Error("a table that was just begun needs a replay")
	}
	stop()

	now := map[string]string{bellsOne: "c-1", bellsTwo: "b-2"}
	e, metrics, _ := begin(now)
	eventually(t, "the worker to say so", func() bool { return changed(e, bellsOne) })
	want := `
# HELP payerflow_fold_changed 1 where a group's table was begun with another fold than this worker's; see payerflow topology check --deployed.
# TYPE payerflow_fold_changed gauge
payerflow_fold_changed{group="bells.v1-test-consumer"} 1
payerflow_fold_changed{group="bells.v2-test-consumer"} 0
`
	if err := testutil.GatherAndCompare(metrics, strings.NewReader(want), "payerflow_fold_changed"); err != nil {
		t.Error(err)
	}
	if notes := asked(now); len(notes) != 1 || notes[0].Group != bellsOne || !strings.Contains(notes[0].Text, "another fold") {
		t.Errorf("%+v", notes)
	}
	if notes := asked(map[string]string{bellsOne: "a-2"}); len(notes) != 1 || !strings.Contains(notes[0].Text, "another schema") {
		t.Errorf("%+v", notes)
	}
	r.FoldedBy(now)
	if err := r.Start(t.Context(), bellsTwo, 0, false); err != nil {
		t.Fatal(err)
	}
	if err := r.Same(t.Context(), bellsOne, "c-1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the worker to have heard", func() bool { return !changed(e, bellsOne) })
	if folds, err := r.Folds(t.Context()); err != nil || folds[bellsTwo] != "b-2" || len(asked(now)) > 0 {
		t.Errorf("%v %v", folds, err)
	}
}
