package chaos

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"payerflow/internal/topology"
)

// TestLogsThatEndInABatchWithoutRecords has compaction's last trace at the end
// of what workers read to its end when they start: their changelogs, tables
// that they join and look up, the members.
func TestLogsThatEndInABatchWithoutRecords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := newBench(t, kfake.DataDir(dir))
	b.facts(60)
	b.settled()
	b.stop()
	b.kafka.Close()
	for _, topic := range []string{topicLedgers, topicAccounts, groupMails + "-table", topology.Members.Name} {
		endEmpty(t, dir, topic)
	}
	b.connect(kfake.DataDir(dir))
	b.start() // with a directory of its own
	b.facts(60)
	for i := range 20 { // every log goes on, for the checker too reads to the end
		b.send(change(i, fmt.Sprintf("account-%d", i)))
	}
	b.settled()
}

// endEmpty appends a batch of one offset and no record to every partition of a
// topic, as the log cleaner leaves them.
func endEmpty(t *testing.T, dir, topic string) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "partitions", topic+"-*", "*.dat"))
	must(t, err)
	newest := map[string]int64{}
	for _, s := range segments {
		base, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(s), ".dat"), 10, 64)
		must(t, err)
		newest[filepath.Dir(s)] = max(newest[filepath.Dir(s)], base)
	}
	if len(newest) == 0 {
		t.Fatalf("%s has no segment in %s", topic, dir)
	}
	for partition, base := range newest {
		path := filepath.Join(partition, strconv.FormatInt(base, 10)+".dat")
		log, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(path, append(log, emptyBatch(t, end(log))...), 0o600))
	}
}

// end is the offset behind the last batch of a segment.
func end(log []byte) (next int64) {
	const lengthEnds, lastDelta = 12, 23
	for len(log) > 0 {
		next = int64(binary.BigEndian.Uint64(log)) + int64(binary.BigEndian.Uint32(log[lastDelta:])) + 1
		log = log[lengthEnds+binary.BigEndian.Uint32(log[8:]):]
	}
	return next
}

func emptyBatch(t *testing.T, at int64) []byte {
	t.Helper()
	batch := kmsg.RecordBatch{FirstOffset: at, Magic: 2, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1}
	raw := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}
