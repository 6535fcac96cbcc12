package rowlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is what the log must hold.
type model struct {
	rows   map[int32]map[string]string
	offset map[int32]int64
}

func newModel() *model { return &model{map[int32]map[string]string{}, map[int32]int64{}} }

func (m *model) put(p int32, k, v string) {
	if m.rows[p] == nil {
		m.rows[p] = map[string]string{}
	}
	m.rows[p][k] = v
}

func (m *model) compare(t interface{ Fatalf(string, ...any) }, l *Log) {
	for p := range int32(3) {
		want := int64(-1)
		if o, ok := m.offset[p]; ok {
			want = o
		}
		if got, _ := l.Offset(p); got != want {
			t.Fatalf("offset of %d is %d, want %d", p, got, want)
		}
		if got := l.Rows(p); got != len(m.rows[p]) {
			t.Fatalf("partition %d has %d rows, want %d", p, got, len(m.rows[p]))
		}
		var hashes []uint64
		seen := map[string]string{}
		if err := l.List(p, 0, 0, func(r Row) bool {
			hashes, seen[r.Key] = append(hashes, r.Hash), string(r.Value)
			return true
		}); err != nil {
			t.Fatalf("list: %v", err)
		}
		if !sort.SliceIsSorted(hashes, func(i, j int) bool { return hashes[i] < hashes[j] }) || len(hashes) != len(m.rows[p]) {
			t.Fatalf("listed %d rows of %d, or not in hash order", len(hashes), len(m.rows[p]))
		}
		for k, v := range m.rows[p] {
			got, ref, err := l.Get(p, k)
			if err != nil || ref == 0 || string(got) != v || seen[k] != v {
				t.Fatalf("a row differs: %v", err)
			}
		}
	}
}

// TestAgainstModel runs random batches with reopening, crashes and torn tails
// in between, on segments so small that they roll and merge all the time.
func TestAgainstModel(t *testing.T) {
	tries := 0
	rapid.Check(t, func(rt *rapid.T) {
		tries++
		dir := filepath.Join(t.TempDir(), fmt.Sprint(tries))
		o := Options{SegmentBytes: int64(rapid.SampledFrom([]int{512, 2048, 1 << 20}).Draw(rt, "segment")), Garbage: 0.3}
		l, err := Open(dir, o)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		m := newModel()
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"batch", "batch", "batch", "close", "crash", "torn", "noindex"}).Draw(rt, "step") {
			case "batch":
				batch(rt, l, m)
				continue
			case "close":
				if err := l.Close(); err != nil {
					rt.Fatal(err)
				}
			case "crash":
				_ = l.closeFiles()
			case "noindex":
				_ = l.closeFiles()
				_ = os.Remove(filepath.Join(dir, indexName))
			case "torn":
				tail := l.tail
				_ = l.closeFiles()
				f, err := os.OpenFile(segmentPath(dir, tail.id), os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					rt.Fatal(err)
				}
				junk := appendEntry(nil, putEntry, 0, "torn", []byte("never committed"))
				_, _ = f.Write(junk[:rapid.IntRange(1, len(junk)).Draw(rt, "torn at")])
				_ = f.Close()
			}
			if l, err = Open(dir, o); err != nil {
				rt.Fatal(err)
			}
			m.compare(rt, l)
		}
		m.compare(rt, l)
	})
}

func batch(rt *rapid.T, l *Log, m *model) {
	var b Batch
	for range rapid.IntRange(0, 30).Draw(rt, "changes") {
		p, k := int32(rapid.IntRange(0, 2).Draw(rt, "p")), fmt.Sprintf("key-%d", rapid.IntRange(0, 25).Draw(rt, "k"))
		switch rapid.IntRange(0, 9).Draw(rt, "kind") {
		case 0, 1:
			b.Delete(p, k)
			delete(m.rows[p], k)
		case 2:
			o := int64(rapid.IntRange(0, 1000).Draw(rt, "offset"))
			b.SetOffset(p, o, time.Unix(7, 0))
			m.offset[p] = o
		case 3:
			if rapid.IntRange(0, 9).Draw(rt, "wipe") == 0 {
				b.Wipe(p)
				delete(m.rows, p)
				delete(m.offset, p)
			}
		default:
			v := fmt.Sprintf("%0*d", rapid.IntRange(1, 90).Draw(rt, "length"), rapid.IntRange(0, 9).Draw(rt, "v"))
			_, ref, err := l.Get(p, k)
			if err != nil {
				rt.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "unknown place") {
				ref = 0
			}
			b.Put(p, k, []byte(v), ref)
			m.put(p, k, v)
		}
	}
	for p := range int32(3) { // every batch of the engine carries its offsets
		m.offset[p]++
		b.SetOffset(p, m.offset[p], time.Unix(7, 0))
	}
	if err := l.Commit(&b, nil); err != nil {
		rt.Fatal(err)
	}
}

func TestAlteredSegmentIsFound(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir, Options{SegmentBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		var b Batch
		b.Put(0, fmt.Sprint(i), make([]byte, 100), 0)
		b.SetOffset(0, int64(i), time.Unix(7, 0))
		if err := l.Commit(&b, nil); err != nil {
			t.Fatal(err)
		}
	}
	_ = l.closeFiles()
	_ = os.Remove(filepath.Join(dir, indexName))
	path := segmentPath(dir, firstSegment)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[200] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{SegmentBytes: 4096}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("an altered segment opens with %v", err)
	}
}

func TestReadersBesideAWriter(t *testing.T) {
	l, err := Open(t.TempDir(), Options{SegmentBytes: 1 << 16, Garbage: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const keys = 200
	write := func(round int) {
		var b Batch
		for k := range keys {
			b.Put(0, fmt.Sprint(k), []byte(fmt.Sprintf("%d %d", k, round)), 0)
		}
		b.SetOffset(0, int64(round), time.Unix(7, 0))
		if err := l.Commit(&b, nil); err != nil {
			t.Error(err)
		}
	}
	write(0)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				n := 0
				if err := l.List(0, 0, 0, func(r Row) bool {
					var k, round int
					if _, err := fmt.Sscanf(string(r.Value), "%d %d", &k, &round); err != nil || fmt.Sprint(k) != r.Key {
						t.Error("a row holds another key's value")
					}
					n++
					return true
				}); err != nil || n != keys {
					t.Errorf("listed %d rows: %v", n, err)
				}
			}
		})
	}
	for round := range 300 {
		write(round + 1)
	}
	close(done)
	wg.Wait()
	if n := len(l.segs); n > 8 {
		t.Errorf("%d segments are left: nothing is merged", n)
	}
}

func TestIndexKeepsOrderThroughGrowthAndRemoval(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x, want := newIndex(0), map[Ref]uint64{}
		for i := range rapid.IntRange(0, 2000).Draw(rt, "n") {
			hash := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 50), rapid.Uint64Range(1<<64-50, 1<<64-1)).Draw(rt, "hash")
			ref := makeRef(1, int64(i)*unit, unit)
			x.insert(hash, ref)
			want[ref] = hash
			if rapid.IntRange(0, 3).Draw(rt, "remove") == 0 {
				for r, h := range want {
					if !x.remove(h, r) {
						rt.Fatal("a place that is there cannot be removed")
					}
					delete(want, r)
					break
				}
			}
		}
		if x.n != len(want) {
			rt.Fatalf("counts %d, want %d", x.n, len(want))
		}
		last := uint64(0)
		for _, s := range x.slots {
			if s.ref == 0 {
				continue
			}
			if s.hash < last {
				rt.Fatal("not in hash order")
			}
			last = s.hash
		}
		for r, h := range want {
			found := false
			x.each(h, func(got Ref) bool { found = got == r; return !found })
			if !found {
				rt.Fatal("a place is not found")
			}
		}
	})
}

func BenchmarkCommitAndGet(b *testing.B) {
	l, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	value := make([]byte, 300)
	b.ReportAllocs()
	var batch Batch
	for i := 0; b.Loop(); i++ {
		key := fmt.Sprintf("claim-%d", i*7919%1_000_000)
		_, ref, err := l.Get(0, key)
		if err != nil {
			b.Fatal(err)
		}
		batch.Put(0, key, value, ref)
		if i%10_000 == 9_999 {
			if err := l.Commit(&batch, nil); err != nil {
				b.Fatal(err)
			}
			batch.Reset()
		}
	}
}
