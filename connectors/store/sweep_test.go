package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"payerflow/events"
)

// aged are records of one shelf, an hour apart, of which each third has a key
// on hold and each fifth a tag.
func aged(shelf Shelf, n int) (out []Record) {
	for i := range n {
		key := fmt.Sprintf("CLM-%d", i%3)
		e := &Event{ID: fmt.Sprintf("e-%s-%d", shelf.Topic, i), Type: "CLAIM_PAID", Subject: key, At: begin, Body: events.Body(`{}`)}
		if i%5 == 0 {
			e.Tags = []string{"suit"}
		}
		out = append(out, Record{ID: ID{shelf, int64(4090 + i)}, Time: begin.Add(time.Duration(i) * time.Hour), Key: []byte(key), Value: []byte("v"), Event: e})
	}
	return out
}

// offsets are those that a shelf holds.
func offsets(t *testing.T, s *Store, shelf Shelf) (out []int64) {
	t.Helper()
	must(t, s.Held(t.Context(), shelf, 0, End, func(h Held) error { out = append(out, h.Offset); return nil }))
	return out
}

// TestASweepTakesWhatIsTooOld and nothing that is on hold, on either kind of
// server; what a hold protected goes when it is released.
func TestASweepTakesWhatIsTooOld(t *testing.T) {
	for name, kind := range map[string]func(*testing.T, string) *Store{"lists": open, "indexes": indexed} {
		t.Run(name, func(t *testing.T) {
			s := kind(t, server(t))
			paid, control := Shelf{"claims.claim.paid", 1, 0}, Shelf{"mediator.control", 1, 0}
			records := append(aged(paid, 30), aged(control, 30)...)
			large := records[3]
			large.Offset, large.Time, large.Key, large.Event, large.Value = 4089, begin.Add(-time.Hour), []byte("other"), nil, make([]byte, partBytes+1)
			_, err := s.Put(t.Context(), append(records, large))
			must(t, err)
			key, err := s.Hold(t.Context(), Hold{Kind: HoldKey, Value: "CLM-0", Why: "a suit", At: begin})
			must(t, err)
			tag, err := s.Hold(t.Context(), Hold{Kind: HoldTag, Value: "suit", Why: "a suit", At: begin.Add(1)})
			must(t, err)
			sweep := func(hours int) []Swept {
				swept, err := s.Sweep(t.Context(), func(topic string) (time.Time, bool) {
					return begin.Add(time.Duration(hours) * time.Hour), topic == paid.Topic
				})
				must(t, err)
				return swept
			}
			if swept := sweep(20); len(swept) != 1 || swept[0] != (Swept{paid, 4110, 12, 9}) {
				t.Errorf("%+v", swept)
			}
			want := []int64{4090, 4093, 4095, 4096, 4099, 4100, 4102, 4105, 4108}
			for o := int64(4110); o < 4120; o++ {
				want = append(want, o)
			}
			if got := offsets(t, s, paid); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("it holds %v\nwant %v", got, want)
			}
			if _, err := s.Get(t.Context(), large.ID); !errors.Is(err, ErrNotHeld) {
				t.Error("the large one is there:", err)
			}
			if n, err := s.db.Collection(partsName).CountDocuments(t.Context(), map[string]any{}); err != nil || n != 0 {
				t.Errorf("%d parts are left, %v", n, err)
			}
			page, err := s.Find(t.Context(), Query{Subject: "CLM-1", Topic: paid.Topic}, nil, 100)
			must(t, err)
			if len(page.Records) != 4 { // one by its tag, three that are young
				t.Errorf("%d records of CLM-1 are found", len(page.Records))
			}
			if n := len(offsets(t, s, control)); n != 30 {
				t.Errorf("%d of what is kept for ever", n)
			}
			oldest, err := s.Oldest(t.Context())
			must(t, err)
			if !oldest[paid.Topic].Equal(begin) {
				t.Errorf("the oldest is of %v", oldest[paid.Topic])
			}
			must(t, s.Release(t.Context(), key.ID))
			must(t, s.Release(t.Context(), tag.ID))
			if err := s.Release(t.Context(), tag.ID); !errors.Is(err, ErrNotHeld) {
				t.Error(err)
			}
			if swept := sweep(24 * 400); len(swept) != 1 || swept[0].Deleted != 19 {
				t.Errorf("%+v", swept)
			}
			if got := offsets(t, s, paid); len(got) != 0 {
				t.Errorf("it holds %v", got)
			}
			if shelves, err := s.Shelves(t.Context()); err != nil || name == "lists" && len(shelves) != 2 {
				t.Errorf("%v, %v", shelves, err) // the last block is not over
			}
			must(t, func() error { _, err := s.Put(t.Context(), aged(paid, 40)[30:]); return err }())
			if got := offsets(t, s, paid); len(got) != 10 || got[0] != 4120 {
				t.Errorf("what came later: %v", got)
			}
		})
	}
}
