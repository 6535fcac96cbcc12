package embedded

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

// starts are the first offsets that clients are told of topics' partition 0.
func starts(t *testing.T, c *kgo.Client, topics ...string) (out []int64) {
	t.Helper()
	all, err := kadm.NewClient(c).ListStartOffsets(deadline(t), topics...)
	must(t, err)
	for _, topic := range topics {
		at, _ := all.Lookup(topic, 0)
		must(t, at.Err)
		out = append(out, at.Offset)
	}
	return out
}

// noteStart writes a log start down.
func noteStart(t *testing.T, c *kgo.Client, topic, id string, offset int64) {
	t.Helper()
	l := topology.LogStart{Topic: topic, TopicID: id, Offset: offset, At: time.Now()}
	value, err := l.Encode()
	must(t, err)
	must(t, c.ProduceSync(deadline(t), &kgo.Record{Topic: topology.LogStarts.Name, Key: []byte(l.Key()), Value: value}).FirstErr())
}

// TestWhatWasDeletedStaysDeleted when the broker is killed, whether or not it
// came to delete what was recorded; of a topic that was made anew, nothing is.
func TestWhatWasDeletedStaysDeleted(t *testing.T) {
	t.Setenv(childPassword, "a-secret-of-some-length")
	dir, super := t.TempDir(), as(Login{"root", "a-secret-of-some-length"})
	child := startChild(t, dir)
	c := client(t, child.broker, super...)
	createTopic(t, c, topology.LogStarts.Name, 1, map[string]string{"cleanup.policy": "compact"})
	topics := []string{"deleted", "recorded", "anew", "kept"}
	for _, topic := range topics {
		createTopic(t, c, topic, 1, nil)
		for i := range 10 {
			must(t, c.ProduceSync(deadline(t), &kgo.Record{Topic: topic, Value: fmt.Append(nil, i)}).FirstErr())
		}
	}
	known, err := kadm.NewClient(c).ListTopics(deadline(t))
	must(t, err)
	for i, topic := range topics[:2] {
		id := known[topic].ID
		noteStart(t, c, topic, hex.EncodeToString(id[:]), 3)
		noteStart(t, c, topic, hex.EncodeToString(id[:]), int64(9-i))
	}
	noteStart(t, c, "anew", "00000000000000000000000000000001", 5)
	must(t, c.ProduceSync(deadline(t), &kgo.Record{Topic: topology.LogStarts.Name, Key: []byte("x"), Value: []byte("nobody can read this")}).FirstErr())
	gone := kadm.Offsets{}
	gone.AddOffset("deleted", 0, 9, -1)
	done, err := kadm.NewClient(c).DeleteRecords(deadline(t), gone)
	must(t, err)
	must(t, done.Error())
	c.Close()
	child.kill()

	child = startChild(t, dir)
	c = client(t, child.broker, super...)
	if got := starts(t, c, topics...); fmt.Sprint(got) != "[9 8 0 0]" {
		t.Errorf("topics begin at %v", got)
	}
	must(t, c.ProduceSync(deadline(t), &kgo.Record{Topic: "deleted", Value: []byte("10")}).FirstErr())
	ends, err := kadm.NewClient(c).ListEndOffsets(deadline(t), "deleted")
	must(t, err)
	if end, _ := ends.Lookup("deleted", 0); end.Offset != 11 {
		t.Errorf("the next record is at %d", end.Offset-1)
	}
	c.Close()
	child.kill() // and again, without anything new
	child = startChild(t, dir)
	if got := starts(t, client(t, child.broker, super...), topics...); fmt.Sprint(got) != "[9 8 0 0]" {
		t.Errorf("topics begin at %v the second time", got)
	}
}
