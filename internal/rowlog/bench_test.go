package rowlog

import (
	"fmt"
	"runtime"
	"testing"
)

func BenchmarkCommitAndGet(b *testing.B) {
	for _, kind := range []string{"hashed", "under keys"} {
		b.Run(kind, func(b *testing.B) {
			l, err := Open(b.TempDir(), kinds[kind])
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			value := make([]byte, 300)
			b.ReportAllocs()
			var batch Batch
			for i := 0; b.Loop(); i++ {
				n := i * 7919 % 1_000_000
				key := fmt.Sprintf("provider-%d/0-claim-%d", n%10_000, n)
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
		})
	}
}

const (
	manyRows = 1_000_000
	oneKey   = 200_000 // rows under one key
)

// fillUnder puts a million rows into one partition, every fifth under one key.
func fillUnder(b *testing.B, o Options) *Log {
	b.Helper()
	l, err := Open(b.TempDir(), o)
	if err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 200)
	var batch Batch
	for i := range manyRows {
		key := fmt.Sprintf("provider-%d/%d-claim-%d", i%40_000, i%1000, i)
		if i%(manyRows/oneKey) == 0 {
			key = fmt.Sprintf("large/%d-claim-%d", i/1000, i)
		}
		batch.Put(0, key, value, 0)
		if i%10_000 == 9_999 {
			if err := l.Commit(&batch, nil); err != nil {
				b.Fatal(err)
			}
			batch.Reset()
		}
	}
	return l
}

// BenchmarkPage reads 100 rows under a key that has 200,000, from its
// beginning, its middle and its end.
func BenchmarkPage(b *testing.B) {
	l := fillUnder(b, kinds["under keys"])
	defer l.Close()
	for _, depth := range []int{0, 50, 99} {
		b.Run(fmt.Sprintf("from %d %%", depth), func(b *testing.B) {
			place := Place{Run: uint64(depth * manyRows / 100 / 1000)}
			for b.Loop() {
				n := 0
				if err := l.Under(0, "large/", place, 100, func(Row) bool { n++; return n < 100 }); err != nil || n != 100 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkIndexMemory says what the index of a row takes.
func BenchmarkIndexMemory(b *testing.B) {
	for _, kind := range []string{"hashed", "under keys"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				before := heap()
				l := fillUnder(b, kinds[kind])
				b.ReportMetric(float64(heap()-before)/manyRows, "B/row")
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
