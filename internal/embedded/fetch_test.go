package embedded

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestAbortedRecordsStayUnread reads with less room than an aborted transaction
// takes, after so many fetches that the broker looks at them anew: its records
// must not be taken for committed ones.
func TestAbortedRecordsStayUnread(t *testing.T) {
	b := startBroker(t, "")
	c := client(t, b.Addr(), kgo.TransactionalID("one"), kgo.DefaultProduceTopic("stream"), kgo.ProducerBatchMaxBytes(16<<10), kgo.ProducerBatchCompression(kgo.NoCompression()))
	createTopic(t, c, "stream", 1, nil)
	for _, commit := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		must(t, c.BeginTransaction())
		for range 64 {
			c.Produce(t.Context(), kgo.StringRecord(strings.Repeat("x", 8<<10)), nil)
		}
		must(t, c.Flush(deadline(t)))
		must(t, c.EndTransaction(deadline(t), commit))
	}
	for range renewAfter + 1 {
		_, err := kmsg.NewPtrFetchRequest().RequestWith(deadline(t), c)
		must(t, err)
	}
	reader := client(t, b.Addr(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"stream": {0: kgo.NewOffset().AtStart()}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMaxBytes(100<<10), kgo.FetchMaxPartitionBytes(1<<20))
	ends, err := kadm.NewClient(c).ListCommittedOffsets(deadline(t), "stream")
	must(t, err)
	end, _ := ends.Lookup("stream", 0)
	committed := 0
	for next := int64(0); next < end.Offset; {
		fetches := reader.PollFetches(deadline(t))
		must(t, fetches.Err())
		for _, r := range fetches.Records() {
			if next = r.Offset + 1; !r.Attrs.IsControl() {
				committed++
			}
		}
	}
	if committed != 64 {
		t.Errorf("%d records are read as committed, 64 are", committed)
	}
}
