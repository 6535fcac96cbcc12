package rowlog

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestMemoryAnswersAsALogDoes gives both the same batches and asks both the
// same questions.
func TestMemoryAnswersAsALogDoes(t *testing.T) {
	order := func(key string) (int, uint32) {
		if i := strings.IndexByte(key, '/'); i >= 0 {
			return i + 1, uint32(len(key) % 3)
		}
		return len(key), 0
	}
	rapid.Check(t, func(rt *rapid.T) {
		o := Options{Order: order}
		log, err := Open(t.TempDir(), o)
		if err != nil {
			rt.Fatal(err)
		}
		defer log.Close()
		memory, b := NewMemory(o), Batch{}
		key := rapid.SampledFrom([]string{"a", "b", "a/", "a/1", "a/22", "b/1", "b/333", "a/1/2"})
		for range rapid.IntRange(1, 8).Draw(rt, "batches") {
			b.Reset()
			for range rapid.IntRange(1, 6).Draw(rt, "changes") {
				k := key.Draw(rt, "key")
				switch rapid.IntRange(0, 9).Draw(rt, "change") {
				case 0:
					b.Wipe(0)
				case 1, 2, 3:
					b.Delete(0, k)
				default:
					b.Put(0, k, []byte(fmt.Sprint(rapid.IntRange(0, 9).Draw(rt, "value"))), 0)
				}
			}
			b.SetOffset(0, rapid.Int64Range(0, 9).Draw(rt, "offset"), time.Now())
			if err := memory.Commit(&b, nil); err != nil {
				rt.Fatal(err)
			}
			if err := log.Commit(&b, nil); err != nil {
				rt.Fatal(err)
			}
		}
		from := log.PlaceOf(key.Draw(rt, "from"))
		from.Skip = rapid.IntRange(0, 1).Draw(rt, "skip")
		type asked interface {
			List(p int32, from Place, f func(Row) bool) error
			Under(p int32, prefix string, from Place, most int, f func(Row) bool) error
		}
		answers := func(l asked) (out []Row) {
			add := func(r Row) bool { out = append(out, r); return true }
			_ = l.List(0, from, add)
			_ = l.Under(0, "a/", Place{}, 2, add)
			_ = l.Under(0, "a/", from, 2, add)
			return out
		}
		if got, want := answers(memory), answers(log); !reflect.DeepEqual(got, want) {
			rt.Fatalf("the memory lists %v, the log %v", got, want)
		}
		offset, _ := log.Offset(0)
		if memory.Offset(0) != offset || len(memory.Rows(0)) != log.Rows(0) {
			rt.Fatalf("offset %d of %d rows, want %d of %d", memory.Offset(0), len(memory.Rows(0)), offset, log.Rows(0))
		}
	})
}
