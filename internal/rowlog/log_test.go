package rowlog

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"
)

// kinds are the ways to keep rows in order. Few bits of hash make collisions
// ordinary.
var kinds = map[string]Options{
	"hashed":                 {},
	"hashed, few hashes":     {hash: fewHashes},
	"under keys":             {Order: orderInTest},
	"under keys, few hashes": {Order: orderInTest, hash: fewHashes},
}

// fewHashes gives the first and the last hash there is, and one between.
func fewHashes(key string) uint64 {
	return []uint64{0, 1 << 63, 1<<64 - 1}[xxhash.Sum64String(key)%3]
}

// orderInTest reads keys such as "a/3-x": x with the number 3 under a.
func orderInTest(key string) (prefix int, number uint32) {
	i := strings.IndexByte(key, '/')
	if i < 0 {
		return len(key), 0
	}
	if _, err := fmt.Sscanf(key[i+1:], "%d-", &number); err != nil {
		panic(err)
	}
	return i + 1, number
}

func eachKind(t *testing.T, f func(t *testing.T, o Options)) {
	for name, o := range kinds {
		t.Run(name, func(t *testing.T) { f(t, o) })
	}
}

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
		var listed []Row
		seen := map[string]string{}
		if err := l.List(p, Place{}, func(r Row) bool {
			listed, seen[r.Key] = append(listed, r), string(r.Value)
			return true
		}); err != nil {
			t.Fatalf("list: %v", err)
		}
		if !slices.IsSortedFunc(listed, inOrder) || len(listed) != len(m.rows[p]) {
			t.Fatalf("listed %d rows of %d, or not in order", len(listed), len(m.rows[p]))
		}
		m.compareUnder(t, l, p, listed)
		for k, v := range m.rows[p] {
			got, ref, err := l.Get(p, k)
			if err != nil || ref == 0 || string(got) != v || seen[k] != v {
				t.Fatalf("a row differs: %v", err)
			}
		}
	}
}

func inOrder(a, b Row) int {
	return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Hash, b.Hash), cmp.Compare(a.Key, b.Key))
}

// compareUnder lists what is under each key, from each row on, and expects what
// is in the list of all.
func (m *model) compareUnder(t interface{ Fatalf(string, ...any) }, l *Log, p int32, all []Row) {
	if l.o.Order == nil {
		return
	}
	under := map[string][]Row{}
	for _, r := range all {
		n, _ := orderInTest(r.Key)
		under[r.Key[:n]] = append(under[r.Key[:n]], r)
	}
	for prefix, want := range under {
		place := Place{}
		for i := range want {
			n := 0
			if err := l.Under(p, prefix, place, i+1, func(r Row) bool {
				if r.Key != want[i+n].Key || string(r.Value) != string(want[i+n].Value) {
					t.Fatalf("from %d on, row %d is another", i, n)
				}
				n++
				return n <= i || i%2 == 0 // some lists are cut short
			}); err != nil || n < min(i+1, len(want)-i) {
				t.Fatalf("from %d on, %d rows of %d: %v", i, n, len(want), err)
			}
			if _, number := orderInTest(want[i].Key); uint32(want[i].Run) != number {
				t.Fatalf("a row with the number %d stands at %d", number, uint32(want[i].Run))
			}
			place = l.behind(want[i], want)
		}
	}
}

// behind is the place behind a row.
func (l *Log) behind(r Row, rows []Row) Place {
	at := l.PlaceOf(r.Key)
	for _, o := range rows {
		if o.Run == r.Run && o.Hash == r.Hash && o.Key <= r.Key {
			at.Skip++
		}
	}
	return at
}

// TestAgainstModel runs random batches with reopening, crashes and torn tails
// in between, on segments so small that they roll and merge all the time.
func TestAgainstModel(t *testing.T) { eachKind(t, againstModel) }

func againstModel(t *testing.T, kind Options) {
	tries := 0
	rapid.Check(t, func(rt *rapid.T) {
		tries++
		dir := filepath.Join(t.TempDir(), fmt.Sprint(tries))
		o := kind
		o.SegmentBytes, o.Garbage = int64(rapid.SampledFrom([]int{512, 2048, 1 << 20}).Draw(rt, "segment")), 0.3
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

// modelKeys are under keys and under none.
var modelKeys = func() (keys []string) {
	for k := range 26 {
		key := fmt.Sprintf("key-%d", k)
		if k > 4 {
			key = fmt.Sprintf("key-%d/%d-%d", k%3, k%4, k)
		}
		keys = append(keys, key)
	}
	return keys
}()

func batch(rt *rapid.T, l *Log, m *model) {
	var b Batch
	for range rapid.IntRange(0, 30).Draw(rt, "changes") {
		p, k := int32(rapid.IntRange(0, 2).Draw(rt, "p")), rapid.SampledFrom(modelKeys).Draw(rt, "k")
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

func TestReadersBesideAWriter(t *testing.T) { eachKind(t, readersBesideAWriter) }

func readersBesideAWriter(t *testing.T, o Options) {
	o.SegmentBytes, o.Garbage = 1<<16, 0.2
	l, err := Open(t.TempDir(), o)
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
				if err := l.List(0, Place{}, func(r Row) bool {
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
	for round := range 200 {
		write(round + 1)
	}
	close(done)
	wg.Wait()
	if n := len(l.segs); n > 8 {
		t.Errorf("%d segments are left: nothing is merged", n)
	}
}

func TestIndexKeepsOrderThroughGrowthAndRemoval(t *testing.T) {
	t.Run("hashed", func(t *testing.T) { indexKeepsOrder(t, func() index { return newHashed(0) }) })
	t.Run("ordered", func(t *testing.T) { indexKeepsOrder(t, func() index { return newOrdered() }) })
}

func indexKeepsOrder(t *testing.T, empty func() index) {
	rapid.Check(t, func(rt *rapid.T) {
		x, want := empty(), map[Ref]spot{}
		for i := range rapid.IntRange(0, 2000).Draw(rt, "n") {
			hash := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 50), rapid.Uint64Range(1<<64-50, 1<<64-1)).Draw(rt, "hash")
			ref := makeRef(1, int64(i)*unit, unit)
			at := spot{hash: hash}
			if _, flat := x.(*hashed); !flat {
				at.run = rapid.Uint64Range(0, 3).Draw(rt, "run")
			}
			x.insert(at, ref)
			want[ref] = at
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
		if x.len() != len(want) {
			rt.Fatalf("counts %d, want %d", x.len(), len(want))
		}
		last, n := spot{}, 0
		x.ascend(spot{}, func(at spot, ref Ref) bool {
			if at.before(last) || want[ref] != at {
				rt.Fatal("not in order")
			}
			last, n = at, n+1
			return true
		})
		if n != len(want) {
			rt.Fatalf("%d places, want %d", n, len(want))
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
