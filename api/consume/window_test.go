package consume

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"payerflow/connectors/kafka"
	"payerflow/events"
)

var epoch0 = time.Date(2026, 1, 16, 10, 0, 0, 0, time.UTC)

func all(c kafka.Copy) (events.Envelope, error) { return c.Envelope, nil }

func copies(partition int32, offsets ...int64) (out []kafka.Copy) {
	for _, o := range offsets {
		out = append(out, kafka.Copy{Partition: partition, Offset: o, Envelope: events.Envelope{ID: fmt.Sprint(o), Body: "{}"}})
	}
	return out
}

func ids(leases []Lease) (out []string) {
	for _, l := range leases {
		out = append(out, l.ID)
	}
	return out
}

func offsets(leases []Lease) (out []int64) {
	for _, l := range leases {
		out = append(out, l.Offset)
	}
	return out
}

// TestAckOutOfOrder: an acknowledgement moves the position past contiguous
// events alone, over the gaps that transactions leave.
func TestAckOutOfOrder(t *testing.T) {
	w := newWindow("e", 3)
	w.add(copies(0, 5, 6, 8, 11))
	got := w.take(epoch0, 10, time.Minute, all).leases
	if !slices.Equal(offsets(got), []int64{5, 6, 8, 11}) {
		t.Fatalf("took %v", offsets(got))
	}
	for _, step := range []struct {
		ack  int
		want int64
	}{{2, 5}, {0, 6}, {1, 9}, {3, 12}} {
		if n, gone := w.ack([]string{got[step.ack].ID}); n != 1 || len(gone) != 0 {
			t.Fatalf("ack %d: %d, gone %v", step.ack, n, gone)
		}
		if at := w.positions()[0]; at != step.want {
			t.Fatalf("after %d: position %d, not %d", step.ack, at, step.want)
		}
	}
	if w.span != 0 || w.kept != 0 {
		t.Errorf("holds %d events, %d bytes", w.span, w.kept)
	}
}

func TestLeaseEnds(t *testing.T) {
	w := newWindow("e", 3)
	w.add(copies(0, 1))
	first := w.take(epoch0, 10, time.Second, all).leases[0]
	if again := w.take(epoch0.Add(999*time.Millisecond), 10, time.Second, all); len(again.leases) != 0 {
		t.Fatal("delivered twice within the lease")
	}
	due, available := w.dueNext(epoch0)
	if available || !due.Equal(epoch0.Add(time.Second)) {
		t.Fatalf("due %v %v", due, available)
	}
	second := w.take(epoch0.Add(time.Second), 10, time.Second, all).leases[0]
	if second.Deliveries != 2 || second.ID == first.ID {
		t.Fatalf("second: %+v", second)
	}
	if n, gone := w.ack([]string{first.ID}); n != 0 || len(gone) != 1 {
		t.Error("a lease of an earlier delivery was taken")
	}
	if n, _ := w.ack([]string{second.ID}); n != 1 || w.positions()[0] != 2 {
		t.Error("the lease of the last delivery was not taken")
	}
}

// TestLateAck: a lease that ended counts as long as nobody else has the event.
func TestLateAck(t *testing.T) {
	w := newWindow("e", 3)
	w.add(copies(0, 1))
	l := w.take(epoch0, 1, time.Second, all).leases
	if n, _ := w.ack(ids(l)); n != 1 {
		t.Error("refused")
	}
}

func TestExhausted(t *testing.T) {
	w := newWindow("e", 2)
	w.add(copies(0, 1, 2))
	now := epoch0
	for range 3 {
		if got := w.take(now, 1, time.Second, all); !slices.Equal(offsets(got.leases), []int64{1}) || got.exhausted != nil {
			t.Fatalf("%+v", got)
		}
		now = now.Add(time.Second)
	}
	got := w.take(now, 10, time.Second, all)
	if len(got.exhausted) != 1 || got.exhausted[0].deliveries != 3 || !slices.Equal(offsets(got.leases), []int64{2}) {
		t.Fatalf("%+v", got)
	}
	if w.positions()[0] != 1 {
		t.Fatal("the position passed an event that is not parked yet")
	}
	w.parked(got.exhausted[0], false, now.Add(time.Second))
	if again := w.take(now, 10, time.Second, all); again.exhausted != nil || w.positions()[0] != 1 {
		t.Fatal("an event that could not be parked was let go")
	}
	got = w.take(now.Add(time.Second), 10, time.Minute, all)
	w.parked(got.exhausted[0], true, now)
	if w.positions()[0] != 2 {
		t.Errorf("position %d", w.positions()[0])
	}
}

func TestNotShown(t *testing.T) {
	w := newWindow("e", 3)
	w.add(copies(0, 1, 2, 3))
	w.lanes[0].items[2].copy.Fault = errors.New("does not decode")
	got := w.take(epoch0, 10, time.Second, func(c kafka.Copy) (events.Envelope, error) {
		if c.Offset == 1 {
			return events.Envelope{}, errBarred
		}
		return events.Envelope{}, errors.New("cannot be masked")
	})
	if !got.barred || len(got.exhausted) != 2 || len(got.leases) != 0 {
		t.Fatalf("%+v", got)
	}
	if got := w.take(epoch0, 10, time.Second, all); !slices.Equal(offsets(got.leases), []int64{1}) {
		t.Error("an event that one token may not get was not kept for another")
	}
}

func TestAckUpTo(t *testing.T) {
	w := newWindow("e", 3)
	w.add(copies(0, 1, 2, 3, 4))
	w.take(epoch0, 2, time.Second, all)
	if n := w.ackUpTo(map[int32]int64{0: 5, 7: 9}); n != 2 || w.positions()[0] != 3 {
		t.Errorf("acked %d, position %d: an event that was never delivered was passed over", n, w.positions()[0])
	}
}

func TestBounds(t *testing.T) {
	w := newWindow("e", 3)
	for o := range int64(maxSpan) {
		if !w.room() {
			t.Fatalf("full at %d", o)
		}
		w.add(copies(0, o))
	}
	if w.room() {
		t.Error("no bound")
	}
	w.drop([]int32{0})
	if !w.room() || w.span != 0 || w.kept != 0 {
		t.Error("what was dropped still counts")
	}
}

// TestWindowNeverLoses plays pulls, acknowledgements, time and owners against
// what may be observed from outside: an event is acknowledged, parked, or
// still comes; nobody gets it while another has its lease.
func TestWindowNeverLoses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		retries := rapid.IntRange(0, 3).Draw(t, "retries")
		const events = 30
		settled := map[int64]bool{} // acknowledged or parked
		committed, now, owner := int64(0), epoch0, 0
		w := newWindow("0", retries)
		w.add(copies(0, slices.Collect(numbers(0, events))...))
		leases, until, deliveries := map[string]int64{}, map[int64]time.Time{}, map[int64]int{}
		commit := func() {
			at := w.positions()[0]
			for o := committed; o < at; o++ {
				if !settled[o] {
					t.Fatalf("position %d passes event %d, which is neither acknowledged nor parked", at, o)
				}
			}
			committed = max(committed, at)
		}
		t.Repeat(map[string]func(*rapid.T){
			"pull": func(t *rapid.T) {
				got := w.take(now, rapid.IntRange(1, 8).Draw(t, "max"), time.Duration(rapid.IntRange(1, 5).Draw(t, "lease"))*time.Second, all)
				for _, l := range got.leases {
					if until[l.Offset].After(now) {
						t.Fatalf("event %d delivered twice within its lease", l.Offset)
					}
					if settled[l.Offset] {
						t.Fatalf("event %d delivered after it was done", l.Offset)
					}
					deliveries[l.Offset]++
					if l.Deliveries != deliveries[l.Offset] || l.Deliveries > retries+1 {
						t.Fatalf("event %d: delivery %d, counted %d", l.Offset, l.Deliveries, deliveries[l.Offset])
					}
					leases[l.ID], until[l.Offset] = l.Offset, l.ExpiresAt
				}
				for _, it := range got.exhausted {
					ok := rapid.Bool().Draw(t, "written")
					settled[it.offset] = settled[it.offset] || ok
					w.parked(it, ok, now)
				}
				commit()
			},
			"ack": func(t *rapid.T) {
				if len(leases) == 0 {
					return
				}
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(leases))).Draw(t, "lease")
				if n, _ := w.ack([]string{id}); n == 1 {
					settled[leases[id]] = true
				}
				delete(leases, id)
				commit()
			},
			"nack": func(t *rapid.T) {
				if len(leases) == 0 {
					return
				}
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(leases))).Draw(t, "lease")
				if n, _ := w.nack(now, []string{id}, 0); n == 1 {
					until[leases[id]] = time.Time{}
				}
			},
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond)
			},
			"another owner": func(*rapid.T) {
				owner++
				w = newWindow(fmt.Sprint(owner), retries)
				w.add(copies(0, slices.Collect(numbers(committed, events))...))
				for o := committed; o < events; o++ { // those may come again: at least once
					delete(settled, o)
				}
				clear(until)
				clear(deliveries)
			},
		})
		for range events * (retries + 2) { // everything comes or is parked in the end
			now = now.Add(time.Hour)
			got := w.take(now, events, time.Second, all)
			for _, it := range got.exhausted {
				settled[it.offset] = true
				w.parked(it, true, now)
			}
			if n, gone := w.ack(ids(got.leases)); n != len(got.leases) || len(gone) > 0 {
				t.Fatalf("acked %d of %d", n, len(got.leases))
			}
			for _, l := range got.leases {
				settled[l.Offset] = true
			}
			commit()
		}
		if len(w.lanes) > 0 && committed != events || w.span != 0 || w.kept != 0 {
			t.Fatalf("position %d of %d; holds %d", committed, events, w.span)
		}
	})
}

func numbers(from, to int64) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		for o := from; o < to && yield(o); o++ {
		}
	}
}

func FuzzParseLease(f *testing.F) {
	f.Add("0-42-1-abcdef")
	f.Add("0-42-1")
	f.Add("-1-42-1-x")
	f.Fuzz(func(t *testing.T, text string) {
		if l, err := parseLease(text); err == nil && l.String() != text {
			t.Errorf("%q reads as %q", text, l)
		}
		w := newWindow("e", 1)
		w.add(copies(0, 42))
		if n, gone := w.ack([]string{text}); n != 0 || len(gone) != 1 {
			t.Error("a lease that nobody has was taken")
		}
	})
}
