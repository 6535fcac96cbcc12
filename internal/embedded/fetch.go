package embedded

import (
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// wholeFetch is how many bytes the broker answers a fetch with at most: a
// little less than what franz-go takes (100 MiB), Java's clients take more.
const wholeFetch = 96 << 20

// renewAfter is how many fetches a control function looks at.
const renewAfter = 10_000

// answerWhole lets fetches be bounded by what they ask of each partition, up to
// wholeFetch in all. Where kfake reaches the bound in all, it leaves off in the
// middle of a partition and does not say which of its transactions were aborted:
// who reads committed records would take those of aborted ones for committed.
//
// A control function remembers every connection that it saw; it is renewed
// before that weighs anything.
func answerWhole(c *kfake.Cluster) {
	left := renewAfter
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if left--; left == 0 {
			c.DropControl()
			answerWhole(c)
		}
		if f, ok := r.(*kmsg.FetchRequest); ok {
			f.MaxBytes = max(f.MaxBytes, wholeFetch)
		}
		return nil, nil, false
	})
}
