package batching

import (
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/internal/rowlog"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// TestRowsUnderAKeySeeTheOpenTransaction: whatever transactions put, take away
// and take back, a fold reads each row under a key once, from any place on.
func TestRowsUnderAKeySeeTheOpenTransaction(t *testing.T) {
	input := topology.Fold(topologies.ClaimSubmitted, func(w wide, _ topology.Record[events.ClaimSubmitted]) (wide, []topology.Output) { return w, nil })
	declared := topology.Group[wide]{Name: "under.v1-test-consumer", Rows: bare[wide]{}, Inputs: topology.Inputs[wide]{
		topology.Under(input, func(e events.ClaimSubmitted) string { return string(e.ClaimID) })}}.Declare()
	b, err := topology.Bind(declared, nil)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		log, err := rowlog.Open(t.TempDir(), rowlog.Options{Order: topology.PrefixOf})
		if err != nil {
			rt.Fatal(err)
		}
		defer log.Close()
		rows, err := NewRows(b, new(atomic.Bool), log, []int32{0})
		if err != nil {
			rt.Fatal(err)
		}
		committed, open := map[string]int{}, map[string]int{}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			p := rows.Part(0)
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				rows.Drop()
				open = maps.Clone(committed)
			case 1:
				if err := rows.Encode(p, func([]byte, []byte) {}); err != nil {
					rt.Fatal(err)
				}
				if err := rows.Store(time.Now()); err != nil {
					rt.Fatal(err)
				}
				committed = maps.Clone(open)
			case 2, 3, 4:
				readUnder(rt, rows, open)
			default:
				for range rapid.IntRange(1, 40).Draw(rt, "changes") {
					putOrTake(rt, rows, open)
				}
			}
		}
		readUnder(rt, rows, open)
	})
}

func putOrTake(rt *rapid.T, rows *Rows, open map[string]int) {
	key := rapid.SampledFrom([]string{"a", "b", "\x01a"}).Draw(rt, "key")
	if id := rapid.IntRange(0, 60).Draw(rt, "id"); id > 0 {
		suffix := fmt.Sprint(id)
		if id%2 == 0 {
			suffix = topology.Ordered(uint32(id%5), suffix)
		}
		key = topology.RowUnder(key, suffix)
	}
	kept, err := rows.load(rows.Part(0), []byte(key))
	if err != nil {
		rt.Fatal(err)
	}
	if rapid.IntRange(0, 2).Draw(rt, "gone") == 0 {
		rows.Part(0).set(kept, nil)
		delete(open, key)
		return
	}
	open[key] = rapid.IntRange(1, 9).Draw(rt, "n")
	rows.Part(0).set(kept, wide{N: open[key]})
}

// readUnder reads all rows under a key by pages.
func readUnder(rt *rapid.T, rows *Rows, open map[string]int) {
	prefix := topology.RowUnder(rapid.SampledFrom([]string{"a", "b", "\x01a", "none"}).Draw(rt, "read"), "")
	want := map[string]int{}
	for key, n := range open {
		if suffix, under := strings.CutPrefix(key, prefix); under {
			want[suffix] = n
		}
	}
	limit := rapid.IntRange(1, 70).Draw(rt, "limit")
	after, number := "", uint32(0)
	for {
		page, err := rows.under(rows.Part(0), prefix, after, limit)
		if err != nil || len(page) > limit {
			rt.Fatalf("%d rows of %d: %v", len(page), limit, err)
		}
		for _, sub := range page {
			if n, there := want[sub.Suffix]; !there || sub.Row.(wide).N != n {
				rt.Fatalf("a row is %d, want %d", sub.Row.(wide).N, n)
			}
			delete(want, sub.Suffix)
			if topology.OrderOf(sub.Suffix) < number {
				rt.Fatal("not in order")
			}
			after, number = sub.Suffix, topology.OrderOf(sub.Suffix)
		}
		if len(page) < limit {
			break
		}
	}
	if len(want) > 0 {
		rt.Fatalf("%d rows are not read", len(want))
	}
}
