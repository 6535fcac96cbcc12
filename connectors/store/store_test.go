package store

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"payerflow/events"
	"payerflow/internal/topology"
)

// TestRecordsComeBackAsTheyWere byte for byte, null apart from empty.
func TestRecordsComeBackAsTheyWere(t *testing.T) {
	s := open(t, server(t))
	shelf := Shelf{"edi.inbound.received", 1, 2}
	large := bytes.Repeat([]byte("ISA*00*"), 3<<20) // 21 MiB: more than a document may have
	records := []Record{
		{ID: ID{shelf, 0}, Time: begin, Key: nil, Value: nil},
		{ID: ID{shelf, 1}, Time: begin, Key: []byte{}, Value: []byte{}, Headers: []Header{{"a", nil}, {"a", []byte{}}, {"b\xff", []byte{0, 0xff}}}},
		{ID: ID{shelf, 2}, Time: begin.Add(time.Millisecond), Key: []byte("k\x00\xff"), Value: []byte{0, 1, 2}, Event: &Event{ID: "e", Type: "EDI_837_RECEIVED", Subject: "k",
			Tags: []string{"x", "y"}, At: begin, Transaction: "t", User: "u", Source: "s", Synthetic: true, Body: events.Body(`{"a.b":{"$c":[[1.50,null]]},"":"\u0000"}`)}},
		{ID: ID{shelf, 3}, Time: begin, Key: []byte("k"), Value: large, Headers: []Header{}},
	}
	w, err := s.Put(t.Context(), records)
	must(t, err)
	if w != (Written{New: 4}) {
		t.Errorf("%+v", w)
	}
	for i, want := range records {
		got, err := s.Get(t.Context(), want.ID)
		must(t, err)
		if want.Headers != nil && len(want.Headers) == 0 {
			want.Headers = nil
		}
		if !reflect.DeepEqual(got, want) || got.Checksum() != want.Checksum() {
			t.Errorf("record %d came back otherwise: %.300v", i, got)
		}
	}
	if _, err := s.Get(t.Context(), ID{shelf, 4}); !errors.Is(err, ErrNotHeld) {
		t.Error(err)
	}
}

// TestWrittenTwiceIsWrittenOnce whoever writes it, and when: a crash may come
// between any two steps, and two workers may think that a partition is theirs.
func TestWrittenTwiceIsWrittenOnce(t *testing.T) {
	uri := server(t)
	first, records := open(t, uri), made(120, 1)
	w, err := first.Put(t.Context(), records[:80])
	must(t, err)
	if w.New != 80 {
		t.Errorf("%+v", w)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			another := open(t, uri) // it has not seen where lists end
			for i := 0; i < len(records); i += 50 {
				if _, err := another.Put(t.Context(), records[i:min(i+50, len(records))]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if w, err = first.Put(t.Context(), records); err != nil || w.Known != len(records) {
		t.Errorf("%+v, %v", w, err)
	}
	total, sum := int64(0), uint64(0)
	shelves, err := first.Shelves(t.Context())
	must(t, err)
	for _, shelf := range shelves {
		days, err := first.Days(t.Context(), shelf, 0, End)
		must(t, err)
		for _, d := range days {
			total += d.Count
			sum += d.Checksum
		}
	}
	want := uint64(0)
	for _, r := range records {
		want += Placed(r.Checksum(), r.Offset)
		if r.Event == nil {
			continue
		}
		got, err := first.Event(t.Context(), r.Event.ID)
		must(t, err)
		if n := len(fitting(records, Query{Event: r.Event.ID})); len(got) != n {
			t.Errorf("event %s: %d records, want %d", r.Event.ID, len(got), n)
		}
	}
	if total != int64(len(records)) || sum != want {
		t.Errorf("%d records with checksum %x, want %d, %x", total, sum, len(records), want)
	}
}

// TestDays by the day of time stamps, over the borders of blocks, up to an
// offset.
func TestDays(t *testing.T) {
	uri := server(t)
	shelf := Shelf{"claims.claim.paid", 1, 0}
	var records []Record
	for i := range 30 {
		records = append(records, Record{ID: ID{shelf, int64(4080 + 2*i)}, Time: begin.Add(time.Duration(i) * 10 * time.Minute), Value: []byte{byte(i)}})
	}
	_, err := open(t, uri).Put(t.Context(), records)
	must(t, err)
	for name, s := range map[string]*Store{"lists": open(t, uri), "indexes": indexed(t, uri)} {
		days, err := s.Days(t.Context(), shelf, 4082, 4138)
		must(t, err)
		sum := uint64(0)
		for _, r := range records[1:12] {
			sum += Placed(r.Checksum(), r.Offset)
		}
		if len(days) != 2 || days[0] != (Day{shelf, "2026-10-31", 4082, 4102, 11, sum}) || days[1].Day != "2026-11-01" || days[1].First != 4104 || days[1].Last != 4136 || days[1].Count != 17 {
			t.Errorf("%s: %+v", name, days)
		}
		last := int64(-1)
		must(t, s.Read(t.Context(), shelf, 0, End, func(r Record) error {
			if r.Offset <= last {
				t.Errorf("%s: %d after %d", name, r.Offset, last)
			}
			last = r.Offset
			return nil
		}))
		if last != 4138 {
			t.Errorf("%s: ends at %d", name, last)
		}
		shelves, err := s.Shelves(t.Context())
		must(t, err)
		if len(shelves) != 1 || shelves[0] != shelf {
			t.Errorf("%s: %v", name, shelves)
		}
	}
}

// TestARehydratedRecordIsTheOriginal however its topic is called into life again.
func TestARehydratedRecordIsTheOriginal(t *testing.T) {
	s := open(t, server(t))
	was := Record{ID: ID{Shelf{"claims.claim.paid", 1, 3}, 17}, Time: begin, Key: []byte("k"), Value: []byte("v"), Headers: []Header{{"ce_id", []byte("e")}}}
	again := was
	again.ID = ID{Shelf{"claims.claim.paid", 2, 3}, 0}
	again.Headers = append([]Header{{HeaderRehydrated, []byte(was.String())}}, was.Headers...)
	if again.Checksum() != was.Checksum() {
		t.Error("the mark counts")
	}
	for i, r := range []Record{was, again} {
		w, err := s.Put(t.Context(), []Record{r})
		must(t, err)
		if w.Known != i {
			t.Errorf("%d: %+v", i, w)
		}
	}
	if _, err := s.Get(t.Context(), again.ID); !errors.Is(err, ErrNotHeld) {
		t.Error("stored a second time")
	}
	lost := again
	lost.Headers = []Header{{HeaderRehydrated, []byte("claims.claim.paid/1/3/18")}}
	_, err := s.Put(t.Context(), []Record{lost})
	must(t, err)
	if _, err := s.Get(t.Context(), ID{was.Shelf, 18}); err != nil {
		t.Error("what the store had lost does not get its place back:", err)
	}
}

func TestIncarnationsCountUp(t *testing.T) {
	uri := server(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s := open(t, uri)
			for _, id := range []string{"aa", "bb"} {
				if _, err := s.Incarnation(t.Context(), "claims.claim.paid", id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	all, err := open(t, uri).Incarnations(t.Context())
	must(t, err)
	if len(all) != 2 || all[0].Number != 1 || all[1].Number != 2 || all[0].TopicID == all[1].TopicID {
		t.Errorf("%+v", all)
	}
}

func TestIDs(t *testing.T) {
	id := ID{Shelf{"a.b", 2, 3}, 45}
	if got, err := ParseID(id.String()); err != nil || got != id {
		t.Error(got, err)
	}
	for _, bad := range []string{"", "a/1/2", "a/0/1/2", "a/1/-1/2", "a/1/1/x", "/1/1/1", "a/1/1/1/1", "a/9999999999/1/1"} {
		if _, err := ParseID(bad); err == nil {
			t.Error(bad)
		}
	}
}

// TestAwaySaysSo and nothing of what was to be written.
func TestAwaySaysSo(t *testing.T) {
	s := open(t, "mongodb://user:SECRET@127.0.0.1:1/?serverSelectionTimeoutMS=100")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := s.Put(ctx, []Record{{Key: []byte("SECRET")}})
	if !errors.Is(err, topology.ErrUnavailable) || strings.Contains(err.Error(), "SECRET") {
		t.Error(err)
	}
	if _, err := Open("mongodb://user:SECRET@[::"); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Error(err)
	}
}
