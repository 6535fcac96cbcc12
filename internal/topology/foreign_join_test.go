package topology_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"payerflow/internal/topology"
)

var origin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// visit is a row that names a place which is not its key.
type visit struct {
	Place string
	Seen  string // the place's note, as it was told last
	Known bool
	At    time.Time
}

func (v visit) Because() topology.Because { return topology.Because{Count: 1} }
func (v visit) LatestEventAt() time.Time  { return v.At }

// noted is what a place says of itself.
type noted struct {
	Key  string
	Note string
	Over bool
}

func (n noted) EventType() string         { return "NOTED" }
func (n noted) Subject() string           { return n.Key }
func (n noted) OccurredAt() time.Time     { return time.Time{} }
func (n noted) Validate() error           { return nil }
func (n noted) Stamped()                  {}
func (n noted) Suffix() string            { return "" }
func (n noted) Removed() noted            { return noted{Key: n.Key, Over: true} }
func (n noted) Because() topology.Because { return topology.Because{Count: 1} }
func (n noted) LatestEventAt() time.Time  { return time.Time{} }
func (n noted) Gone() bool                { return n.Over }

// going is a visit that is planned, at a place or at none.
type going struct{ happened }

// found is what a list of a place's visits shows.
type found struct {
	Place, Visit string
	Number       uint32
	Over         bool
}

func (f found) EventType() string         { return "FOUND" }
func (f found) Subject() string           { return f.Place }
func (f found) OccurredAt() time.Time     { return time.Time{} }
func (f found) Validate() error           { return nil }
func (f found) Stamped()                  {}
func (f found) Suffix() string            { return topology.Ordered(f.Number, f.Visit) }
func (f found) Because() topology.Because { return topology.Because{Count: 1} }
func (f found) LatestEventAt() time.Time  { return time.Time{} }
func (f found) Gone() bool                { return f.Over }
func (f found) Removed() found {
	f.Over = true
	return f
}

var (
	notedStream = topology.Stream[noted]{Topic: topicOf("places.v1-test-consumer-values", 6), Codec: jsonCodec[noted]{}}
	atPlaces    = topology.ForeignJoin[noted]{
		Name: "visit-place.v1-test-consumer", Right: notedStream, Left: 6, Chunk: 2,
		Rows: jsonCodec[topology.Joint[noted]]{}, LinkCodec: jsonCodec[topology.Link]{}, FanCodec: jsonCodec[topology.FanOut]{}, AnswersAs: jsonCodec[topology.Answered[noted]]{},
	}
	byPlace = topology.Index[found]{Name: "visits-by-place.v1-test-consumer", Partitions: 6, Entries: jsonCodec[found]{}, Rows: jsonCodec[found]{}, View: topology.View{Name: "visits-by-place"}}
	visits  = topology.Group[visit]{
		Name: "visits.v1-test-consumer", Rows: jsonCodec[visit]{},
		Inputs: topology.Inputs[visit]{
			topology.Fold(streamOf[going]("visits", 6), func(row visit, rec topology.Record[going]) (visit, []topology.Output) {
				if row.Place != rec.Body.Note {
					row.Place, row.Seen, row.Known = rec.Body.Note, "", false
				}
				row.At = rec.At
				return row, nil
			}),
			topology.Fold(atPlaces.Answers(), func(row visit, rec topology.Record[topology.Answered[noted]]) (visit, []topology.Output) {
				if rec.Body.Key == row.Place {
					row.Seen, row.Known = "", rec.Body.Value != nil
					if row.Known {
						row.Seen = rec.Body.Value.Note
					}
				}
				return row, nil
			}),
		},
		Follows: []topology.Follow[visit]{
			topology.Follows(atPlaces.Links(), func(key string, row visit) []topology.Link {
				return []topology.Link{{Key: row.Place, Left: key}} // no place: nobody's
			}),
			topology.Follows(byPlace.Stream(), func(key string, row visit) []found {
				return []found{{Place: row.Place, Visit: key, Number: uint32(row.At.Unix())}}
			}),
		},
	}
	places = topology.Group[noted]{
		Name: "places.v1-test-consumer", Rows: jsonCodec[noted]{},
		Inputs: topology.Inputs[noted]{topology.Fold(streamOf[happened]("places", 6), func(_ noted, rec topology.Record[happened]) (noted, []topology.Output) {
			return noted{rec.Key, rec.Body.Note, rec.Body.Note == "over"}, nil
		})},
		Follows: []topology.Follow[noted]{topology.Follows(notedStream, func(key string, row noted) []noted { return []noted{row} })},
	}
	visiting = []topology.Declared{visits.Declare(), places.Declare(), atPlaces.Declare(), byPlace.Declare()}
)

// TestForeignJoin: whatever comes first, and however often either side
// changes, each row ends with what its place says, and each list with the rows
// that are at its place, in their order.
func TestForeignJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, err := topology.NewDriver(visiting, nil, origin)
		if err != nil {
			t.Fatal(err)
		}
		at, says := map[string]string{}, map[string]string{}
		when := map[string]uint32{}
		for n := range rapid.IntRange(1, 60).Draw(t, "n") {
			stamp := origin.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "at")) * time.Minute)
			synthetic := []topology.Header{{Key: topology.HeaderSynthetic, Value: []byte("true")}}
			rec := topology.Raw{Timestamp: origin}
			if rapid.Bool().Draw(t, "visit") {
				key, place := fmt.Sprint("v", rapid.IntRange(0, 12).Draw(t, "v")), rapid.SampledFrom([]string{"p1", "p2", "p3", "__none", ""}).Draw(t, "place")
				rec.Topic, rec.Key = "visits", []byte(key)
				rec.Value, _ = json.Marshal(going{happened{key, stamp, place}})
				at[key], when[key] = place, uint32(stamp.Unix())
			} else {
				key, note := rapid.SampledFrom([]string{"p1", "p2", "p3"}).Draw(t, "p"), rapid.SampledFrom([]string{fmt.Sprint("note ", n), "same", "over"}).Draw(t, "note")
				rec.Topic, rec.Key = "places", []byte(key)
				rec.Value, _ = json.Marshal(happened{key, stamp, note})
				says[key] = note
			}
			rehearsal := rec
			rehearsal.Headers = synthetic
			if n%5 == 0 {
				rehearsal.Value = []byte(fmt.Sprintf(`{"Key":%q,"At":%q,"Note":"p2"}`, rec.Key, origin.Format(time.RFC3339)))
				if err := d.Pipe(rehearsal); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.Pipe(rec); err != nil {
				t.Fatal(err)
			}
			for _, w := range d.Took() {
				if w.Parked != nil {
					t.Fatalf("%s parked a record: %+v", w.Group, w.Parked)
				}
			}
		}
		rows, lists := d.Rows(visits.Declare().Table.Name), d.Rows(byPlace.Declare().Table.Name)
		for key, place := range at {
			var row visit
			if err := json.Unmarshal(rows[key], &row); err != nil {
				t.Fatal(err)
			}
			note, known := says[place]
			known = known && note != "over"
			if row.Known != known || known && row.Seen != note {
				t.Errorf("%s at %q: known %v, sees %q; the place says %q", key, place, row.Known, row.Seen, note)
			}
		}
		for stored := range lists {
			if _, synthetic := topology.EntityKey(stored); synthetic {
				continue
			}
			place, suffix := topology.SplitUnder(stored)
			if v := topology.IDOf(suffix); at[v] != place || when[v] != topology.OrderOf(suffix) {
				t.Errorf("the list of %s has %s of another place or time", place, v)
			}
			delete(at, topology.IDOf(suffix))
		}
		for key, place := range at {
			if place != "" && place != "__none" {
				t.Errorf("no list has %s", key)
			}
		}
	})
}

func TestSuffixes(t *testing.T) {
	suffixes := []string{topology.Ordered(7, "b"), "plain", topology.Ordered(1<<32-1, "a"), topology.Ordered(7, "a"), "@short", "@0000zzzzx", ""}
	slices.SortFunc(suffixes, topology.CompareSuffixes)
	if !slices.IsSortedFunc(suffixes, func(a, b string) int { return cmp.Compare(topology.OrderOf(a), topology.OrderOf(b)) }) {
		t.Errorf("%q", suffixes)
	}
	for suffix, want := range map[string]string{topology.Ordered(9, "id"): "id", "plain": "plain", "": ""} {
		if got := topology.IDOf(suffix); got != want {
			t.Errorf("id of %q is %q", suffix, got)
		}
	}
	if key, suffix := topology.SplitUnder(topology.RowUnder("k", topology.Ordered(3, "x"))); key != "k" || topology.OrderOf(suffix) != 3 {
		t.Errorf("%q %q", key, suffix)
	}
}

// TestOverview: groups beside others are drawn as what they are for, domains
// as one.
func TestOverview(t *testing.T) {
	got := topology.Overview(visiting, []topology.Topic{topicOf("visits", 6)})
	for _, line := range []string{
		`visits_v1_test_consumer["<b>visits</b><br/>/v1/views/visits-by-place"]`, `visits_events --> visits_v1_test_consumer`, `places --> places_v1_test_consumer`,
		`places_v1_test_consumer -- joined --> visits_v1_test_consumer`,
	} {
		if !strings.Contains(got, "  "+line+"\n") {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
	for _, name := range []string{"visit-place", "visits-by-place.v1", "values", "links"} {
		if strings.Contains(got, name) {
			t.Errorf("%s is drawn in\n%s", name, got)
		}
	}
	if all := topology.Mermaid(visiting); !strings.Contains(all, "  visits_v1_test_consumer -- follows --> visit_place_v1_test_consumer_links\n") {
		t.Errorf("not every edge is in\n%s", all)
	}
}
