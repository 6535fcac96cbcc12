package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// update writes n values of one key, then one of another.
func update(t *testing.T, broker string, n int) {
	t.Helper()
	ctx := deadline(t)
	c := client(t, broker)
	defer c.Close()
	createTopic(t, c, "claims", 1, map[string]string{"cleanup.policy": "compact"})
	for i := range n {
		must(t, c.ProduceSync(ctx, &kgo.Record{Topic: "claims", Key: []byte("k"), Value: fmt.Append(nil, i)}).FirstErr())
	}
	must(t, c.ProduceSync(ctx, &kgo.Record{Topic: "claims", Key: []byte("z"), Value: []byte("end")}).FirstErr())
}

func TestCleanCompactsInMemoryAndOnDisk(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		b := startBroker(t, dir)
		update(t, b.Addr(), 3)
		must(t, b.Clean(deadline(t)))
		if got := readAll(t, b.Addr(), "claims"); !slices.Equal(got, []string{"2", "end"}) {
			t.Fatalf("got %v", got)
		}
		must(t, b.Close())
	}
}

// TestStartCleans starts on a directory in which a transaction was aborted: what
// its producer writes after the clean-up is seen.
func TestStartCleans(t *testing.T) {
	cfg := BrokerConfig{Addr: "127.0.0.1:0", DataDir: t.TempDir(), CleanEvery: time.Nanosecond}
	write := func(addr, value string, commit kgo.TransactionEndTry) {
		c := client(t, addr, kgo.TransactionalID("writer"))
		ctx := deadline(t)
		must(t, c.BeginTransaction())
		must(t, c.ProduceSync(ctx, &kgo.Record{Topic: "claims", Key: []byte(value), Value: []byte(value)}).FirstErr())
		must(t, c.EndTransaction(ctx, commit))
		c.Close()
	}
	b, err := StartBroker(deadline(t), cfg)
	must(t, err)
	update(t, b.Addr(), 5)
	write(b.Addr(), "aborted", kgo.TryAbort)
	must(t, b.Close())

	b, err = StartBroker(deadline(t), cfg)
	must(t, err)
	defer b.Close()
	write(b.Addr(), "later", kgo.TryCommit)
	if got := readAll(t, b.Addr(), "claims"); !slices.Equal(got, []string{"4", "end", "later"}) {
		t.Errorf("got %v", got)
	}
}

func TestCompactionKilledHalfwayIsUndone(t *testing.T) {
	dir := t.TempDir()
	b := startBroker(t, dir)
	update(t, b.Addr(), 3)
	topics, err := readTopics(dir)
	must(t, err)
	if _, err := linkSegments(dir, topics); err != nil {
		t.Fatal(err)
	}
	must(t, b.Close())
	// What is on disk when a kill falls between kfake's removal of the old
	// segment and the last batch of the new one.
	must(t, writeFile(filepath.Join(dir, undoReady), nil))
	must(t, os.Remove(filepath.Join(dir, cleanFile)))
	must(t, os.Remove(filepath.Join(dir, "partitions", "claims-0", "0.dat")))
	must(t, os.WriteFile(filepath.Join(dir, "partitions", "claims-0", "2.dat"), []byte("half"), 0o644))

	b = startBroker(t, dir)
	if got := readAll(t, b.Addr(), "claims"); !slices.Equal(got, []string{"0", "1", "2", "end"}) {
		t.Fatalf("got %v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, undoDir)); !os.IsNotExist(err) {
		t.Fatalf("links left: %v", err)
	}
}

func TestCompactedTopicOutlivesRetention(t *testing.T) {
	b := startBroker(t, t.TempDir())
	c := client(t, b.Addr())
	createTopic(t, c, "table", 1, map[string]string{"cleanup.policy": "compact"})
	createTopic(t, c, "stream", 1, nil)
	old := time.Now().Add(-30 * 24 * time.Hour)
	for _, topic := range []string{"table", "stream"} {
		must(t, c.ProduceSync(deadline(t), &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("v"), Timestamp: old}).FirstErr())
	}
	must(t, b.Clean(deadline(t)))
	for _, topic := range []string{"table", "stream"} {
		if got := readAll(t, b.Addr(), topic); len(got) != 1 {
			t.Fatalf("%s: %v", topic, got)
		}
	}
}

func TestOffsetsGoOnAfterRetentionEmptiedAPartition(t *testing.T) {
	dir := t.TempDir()
	b := startBroker(t, dir)
	c := client(t, b.Addr())
	createTopic(t, c, "stream", 1, map[string]string{"retention.ms": "1000"})
	old := time.Now().Add(-time.Hour)
	for range 3 {
		must(t, c.ProduceSync(deadline(t), &kgo.Record{Topic: "stream", Value: []byte("old"), Timestamp: old}).FirstErr())
	}
	must(t, b.Clean(deadline(t)))
	c.Close()
	must(t, b.Close())
	must(t, os.Remove(filepath.Join(dir, cleanFile)))
	must(t, os.Remove(filepath.Join(dir, "partitions", "stream-0", "snapshot.json"))) // as after a kill

	b = startBroker(t, dir)
	c = client(t, b.Addr())
	ends, err := kadm.NewClient(c).ListEndOffsets(deadline(t), "stream")
	must(t, err)
	if end, _ := ends.Lookup("stream", 0); end.Offset != 3 {
		t.Fatalf("end %d", end.Offset)
	}
	r := &kgo.Record{Topic: "stream", Value: []byte("new")}
	must(t, c.ProduceSync(deadline(t), r).FirstErr())
	if r.Offset != 3 {
		t.Fatalf("offset %d", r.Offset)
	}
	if got := readAll(t, b.Addr(), "stream"); !slices.Equal(got, []string{"new"}) {
		t.Fatalf("got %v", got)
	}
}
