package topology_test

import (
	"strings"
	"testing"
	"time"

	"payerflow/internal/topology"
)

// waiting wants to be woken an hour after its last event, and notes what woke it.
func waiting(wake func(tally, topology.Waking) (tally, []topology.Output)) topology.Declared {
	g := groupOf("g")
	g.Timer = topology.Timer[tally]{
		Due: func(row tally) time.Time {
			if len(row.Notes) == 0 || row.Notes[len(row.Notes)-1] == "woken" {
				return time.Time{}
			}
			return row.At.Add(time.Hour)
		},
		Wake: wake,
	}
	return g.Declare()
}

func woken(row tally, w topology.Waking) (tally, []topology.Output) {
	row.Notes = append(row.Notes[:len(row.Notes):len(row.Notes)], "woken")
	return row, []topology.Output{{Key: w.Key, Value: followed{happened{w.Key, w.Clock, w.Due.Format(time.TimeOnly)}}}}
}

func TestTheClockWakesWhatIsDue(t *testing.T) {
	d := driverOf(t, waiting(woken))
	if err := d.Pipe(rawOf("k", "first")); err != nil {
		t.Fatal(err)
	}
	if err := d.Advance(now.Add(time.Hour - 1)); err != nil || len(rowOf(t, d, "k").Notes) != 1 {
		t.Errorf("woken before its time: %v, %v", rowOf(t, d, "k"), err)
	}
	d.Took()
	for range 2 { // the second finds nothing
		if err := d.Advance(now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	took := d.Took()
	if len(took) != 2 || took[0].Topic != "g-table" || took[1].Topic != "g.out" || !strings.Contains(string(took[1].Value), "10:00:00") {
		t.Errorf("wrote %+v", took)
	}
	if row := rowOf(t, d, "k"); len(row.Notes) != 2 {
		t.Errorf("notes %v", row.Notes)
	}
}

func TestASyntheticRowWakesSyntheticEvents(t *testing.T) {
	d := driverOf(t, waiting(woken))
	rec := rawOf("k", "first")
	rec.Headers = []topology.Header{header(topology.HeaderSynthetic, "true")}
	if err := d.Pipe(rec); err != nil {
		t.Fatal(err)
	}
	d.Took()
	if err := d.Advance(now.Add(2 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, w := range d.Took() {
		if !w.Source.Synthetic() {
			t.Errorf("%s is taken for real", w.Topic)
		}
	}
}

func TestARowThatStaysDueIsParked(t *testing.T) {
	d := driverOf(t, waiting(func(row tally, _ topology.Waking) (tally, []topology.Output) { return row, nil }))
	if err := d.Pipe(rawOf("k", "first")); err != nil {
		t.Fatal(err)
	}
	d.Took()
	if err := d.Advance(now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if took := d.Took(); len(took) != 1 || took[0].Parked.Code != topology.TimerStuck || took[0].Topic != "g-ticks.dlq" {
		t.Errorf("wrote %+v", took)
	}
}

func TestRoutedOutputsStayInTheirFamily(t *testing.T) {
	g := groupOf("g")
	g.Outputs = []topology.StreamRef{streamOf[followed]("team.", 6).Routed()}
	d := g.Declare()
	for topic, good := range map[string]bool{"team.a": true, "team.": false, "g-table": false, "": false} {
		if _, err := d.Route(topology.Output{Value: followed{}, Topic: topic}); (err == nil) != good {
			t.Errorf("%q: %v", topic, err)
		}
	}
	if _, err := groupOf("h").Declare().Route(topology.Output{Value: followed{}, Topic: "h.out"}); err == nil {
		t.Error("a stream that is not routed takes a name")
	}
}
