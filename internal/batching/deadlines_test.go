package batching

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestDeadlinesOfAnAbortedTransaction: whatever a transaction moved, without
// it the deadlines are what they were.
func TestDeadlinesOfAnAbortedTransaction(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDeadlines(func(row any) time.Time { return row.(time.Time) })
		rows := map[string]any{} // deadlines by key, as committed
		all := func() (out []Deadline) {
			d.tree.Ascend(func(x Deadline) bool { out = append(out, x); return true })
			return out
		}
		due := rapid.SampledFrom([]any{nil, time.Time{}, time.UnixMicro(1), time.UnixMicro(2), time.UnixMicro(3)})
		for range rapid.IntRange(1, 8).Draw(rt, "transactions") {
			before, ticked, open := all(), d.ticked, map[string]any{}
			for k, v := range rows {
				open[k] = v
			}
			for range rapid.IntRange(0, 12).Draw(rt, "steps") {
				switch key := fmt.Sprint(rapid.IntRange(0, 4).Draw(rt, "key")); rapid.IntRange(0, 5).Draw(rt, "step") {
				case 0:
					d.ticked = d.ticked.Add(time.Second)
				case 1: // a row that cannot be woken
					if due, _ := d.take(time.UnixMicro(3)); len(due) > 0 {
						d.remove(due[0])
					}
				default:
					after := due.Draw(rt, "due")
					d.move(key, open[key], after)
					open[key] = after
				}
			}
			if rapid.Bool().Draw(rt, "commits") {
				d.settle()
				rows = open
				continue
			}
			d.revert()
			if after := all(); !slices.Equal(before, after) || !d.ticked.Equal(ticked) {
				rt.Fatalf("were %v, are %v", before, after)
			}
		}
	})
}
