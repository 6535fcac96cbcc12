package versions

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

const one, two = "v1", "v2"

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// said folds records in order.
func said(t *testing.T, rs ...Record) *State {
	t.Helper()
	var s *State
	for i, r := range rs {
		r.View = "claims"
		var fits bool
		if s, fits = s.Apply(int64(i), r); !fits {
			t.Fatalf("record %d, %s, says nothing", i, r.Kind)
		}
	}
	return s
}

func switched(id, from, to string, at int64, clock time.Time) []Record {
	return []Record{{Kind: Prepared, Group: to, From: from, ID: id},
		{Kind: Switched, Group: to, ID: id, Inputs: Offsets{"in": {0: at}}, Clock: clock}}
}

func TestEachRecordHasOneVoice(t *testing.T) {
	rs := append([]Record{{Kind: Started, Group: two, From: one}}, switched("a", one, two, 10, noon)...)
	rs = append(rs, switched("b", two, one, 20, noon.Add(time.Hour))...)
	line := said(t, rs...).Line("claims")
	for offset, want := range map[int64]string{0: one, 9: one, 10: two, 19: two, 20: one, 1000: one} {
		for _, v := range []string{one, two} {
			if got := line.Speaks(v, "in", 0, offset); got != (v == want) {
				t.Errorf("%s speaks for offset %d: %v", v, offset, got)
			}
		}
	}
	for due, want := range map[time.Time]string{noon: one, noon.Add(time.Second): two, noon.Add(2 * time.Hour): one} {
		if !line.SpeaksAt(want, due) || line.SpeaksAt(map[string]string{one: two, two: one}[want], due) {
			t.Errorf("deadline %v is not %s's alone", due, want)
		}
	}
	if line.Live != one || !line.Versions[two].Runs {
		t.Errorf("%+v", line)
	}
}

func TestOnlyTheFirstEndsASwitch(t *testing.T) {
	s := said(t, Record{Kind: Started, Group: two, From: one}, Record{Kind: Prepared, Group: two, From: one, ID: "a"}, Record{Kind: Void, ID: "a"})
	s, fits := s.Apply(3, Record{Kind: Switched, View: "claims", Group: two, ID: "a"})
	if fits || s.Line("claims").Live != one {
		t.Error("a switch that was given up took place")
	}
	for _, r := range []Record{
		{Kind: Started, Group: two, From: one},                  // runs already
		{Kind: Started, Group: "v3", From: two},                 // of another live one
		{Kind: Prepared, Group: two, From: two, ID: "b"},        // the same
		{Kind: Dropped, Group: one},                             // live
		{Kind: Paused, Group: one},                              // live
		{Kind: Void, ID: "b"},                                   // none is prepared
		{Kind: "other"},                                         // unknown
		{Kind: Switched, Group: two, ID: "", Inputs: Offsets{}}, // none is prepared
	} {
		r.View = "claims"
		if _, fits := s.Apply(4, r); fits {
			t.Errorf("%+v says something", r)
		}
	}
}

func TestATableHasTheFoldThatItWasBegunWith(t *testing.T) {
	var s *State
	for i, step := range []struct {
		r    Record
		fits bool
		want string
	}{
		{Record{Kind: Folded, Group: two}, false, ""},
		{Record{Kind: Folded, Group: two, Fold: "a"}, true, "a"},
		{Record{Kind: Folded, Group: two, Fold: "b"}, false, "a"},
		{Record{Kind: Folded, Group: two, Fold: "c", Same: true}, true, "c"},
		{Record{Kind: Started, View: "claims", Group: two, From: one, Fold: "d"}, true, "d"},
		{Record{Kind: Dropped, View: "claims", Group: two}, true, "d"},
		{Record{Kind: Started, View: "claims", Group: two, From: one}, true, "d"}, // it goes on with its table
		{Record{Kind: Started, View: "claims", Group: two, From: one, Fold: "e"}, false, "d"},
	} {
		var fits bool
		if s, fits = s.Apply(int64(i), step.r); fits != step.fits || s.Fold(two) != step.want || s.Fold(one) != "" {
			t.Errorf("record %d fits %v, the fold is %q; want %v, %q", i, fits, s.Fold(two), step.fits, step.want)
		}
	}
}

// TestOneVoiceWhateverTheLog: of the versions that run, never two speak for one
// record or deadline, and one does as long as nothing was dropped.
func TestOneVoiceWhateverTheLog(t *testing.T) {
	groups := []string{one, two, "v3"}
	rapid.Check(t, func(t *rapid.T) {
		var s *State
		dropped, at := false, int64(0)
		for i := range rapid.IntRange(1, 30).Draw(t, "n") {
			at += rapid.Int64Range(0, 5).Draw(t, "more")
			r := Record{View: "claims", Kind: rapid.SampledFrom([]Kind{Started, Paused, Resumed, Prepared, Void, Switched, Dropped}).Draw(t, "kind"),
				Group: rapid.SampledFrom(groups).Draw(t, "group"), From: rapid.SampledFrom(groups).Draw(t, "from"), ID: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id"),
				Inputs: Offsets{"in": {0: at}}, Clock: noon.Add(time.Duration(at) * time.Second)}
			var fits bool
			s, fits = s.Apply(int64(i), r)
			dropped = dropped || fits && r.Kind == Dropped
		}
		line := s.Line("claims")
		if line == nil {
			return
		}
		offset := rapid.Int64Range(0, at+2).Draw(t, "offset")
		records, deadlines := 0, 0
		for name, v := range line.Versions {
			if v.Runs && line.Speaks(name, "in", 0, offset) {
				records++
			}
			if v.Runs && line.SpeaksAt(name, noon.Add(time.Duration(offset)*time.Second)) {
				deadlines++
			}
		}
		if records > 1 || deadlines > 1 || !dropped && (records != 1 || deadlines != 1) {
			t.Fatalf("%d speak for the record, %d for the deadline: %+v", records, deadlines, line)
		}
		if !line.Versions[line.Live].Runs {
			t.Fatalf("the live version does not run: %+v", line)
		}
	})
}
