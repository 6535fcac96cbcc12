package engine_test

import (
	"context"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
	"payerflow/internal/versions"
)

// Bells are struck, and ring once for each stroke and once more when they have
// been still for a while. There are two versions of the view of bells: the
// second one counts in another field.

// strike is the body of strokes.
type strike struct {
	Key string    `json:"key"`
	N   int       `json:"n"`
	At  time.Time `json:"at"`
}

func (s strike) Subject() string       { return s.Key }
func (s strike) OccurredAt() time.Time { return s.At }
func (s strike) Validate() error       { return nil }

type (
	struck  struct{ strike }
	muffled struct{ strike } // reaches the table by another partition count
	rang    struct {
		strike
		By   string `json:"by"`
		Last bool   `json:"last"`
	}
)

func (struck) EventType() string  { return "STRUCK" }
func (muffled) EventType() string { return "MUFFLED" }
func (rang) EventType() string    { return "RANG" }

// bell is the row of either version.
type bell struct {
	Version int       `json:"version"`
	N       int       `json:"n"` // strokes
	Twice   int       `json:"twice,omitempty"`
	Due     time.Time `json:"due"`
	At      time.Time `json:"at"`
}

func (b bell) Because() topology.Because { return topology.Because{Count: 1} }
func (b bell) LatestEventAt() time.Time  { return b.At }

const (
	bellsOne = "bells.v1-test-consumer"
	bellsTwo = "bells.v2-test-consumer"
	bellKeys = 7
)

func bellTopic(name string, partitions int) topology.Topic {
	return topology.Topic{Name: name, Partitions: partitions, Cleanup: topology.Delete, MaxMessageBytes: 1 << 20, KeyField: "key"}
}

var (
	strokes = topology.Stream[struck]{Topic: bellTopic("test.bell.struck", 3), Codec: plain[struck]{}}
	muffles = topology.Stream[muffled]{Topic: bellTopic("test.bell.muffled", 1), Codec: plain[muffled]{}}
	rings   = topology.Stream[rang]{Topic: bellTopic("test.bell.rang", 2), Codec: plain[rang]{}}
)

// bells declares a version of the view.
func bells(version int, name, shadows string) topology.Declared {
	ring := func(row bell, s strike) (bell, []topology.Output) {
		row.Version, row.N, row.At = version, row.N+1, s.At
		row.Due = s.At.Add(time.Duration(s.N%5) * 300 * time.Millisecond)
		if version == 2 {
			row.Twice = 2 * row.N
		}
		return row, []topology.Output{{Key: s.Key, Value: rang{strike: s, By: strconv.Itoa(version)}}}
	}
	return topology.Group[bell]{
		Name: name, Shadows: shadows, Rows: plain[bell]{},
		Inputs: topology.Inputs[bell]{
			topology.Fold(strokes, func(row bell, rec topology.Record[struck]) (bell, []topology.Output) {
				if rec.Body.N < 0 && version == 2 {
					panic("the second version does not take these")
				}
				return ring(row, rec.Body.strike)
			}),
			topology.Fold(muffles, func(row bell, rec topology.Record[muffled]) (bell, []topology.Output) {
				return ring(row, rec.Body.strike)
			}),
		},
		Outputs: []topology.StreamRef{rings.Ref()},
		Timer: topology.Timer[bell]{
			Due: func(row bell) time.Time { return row.Due },
			Wake: func(row bell, w topology.Waking) (bell, []topology.Output) {
				row.Due = time.Time{}
				return row, []topology.Output{{Key: w.Key, Value: rang{strike: strike{Key: w.Key, N: int(w.Due.UnixMilli()), At: w.Due}, By: strconv.Itoa(version), Last: true}}}
			},
		},
		View: topology.View{Name: "bells", Key: "key", Classes: topology.NoClasses},
	}.Declare()
}

// bothBells are the two versions.
func bothBells() []topology.Declared {
	return []topology.Declared{bells(1, bellsOne, ""), bells(2, bellsTwo, bellsOne)}
}

// createBells makes the topics of the bells.
func (c *cluster) createBells() {
	for _, d := range bothBells() {
		c.create(d.Topics()...)
	}
	for _, t := range []topology.Topic{strokes.Topic, muffles.Topic} {
		c.create(t, t.DLQ())
	}
	c.create(rings.Topic)
}

// held is how many records a topic holds.
func (c *cluster) held(topic string) (n int64) {
	c.t.Helper()
	ends, err := kadm.NewClient(c.client).ListEndOffsets(context.Background(), topic)
	if err != nil {
		c.t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

// sayVersions writes a record into the log, as somebody who is then gone.
func (c *cluster) sayVersions(r versions.Record) {
	c.t.Helper()
	value, err := r.Encode()
	if err != nil {
		c.t.Fatal(err)
	}
	c.produce(&kgo.Record{Topic: topology.Versions.Name, Value: value})
}

// readToEnd reads all that is committed of a topic.
func (c *cluster) readToEnd(topic string) (rs []*kgo.Record) {
	c.t.Helper()
	ends, err := kadm.NewClient(c.client).ListCommittedOffsets(context.Background(), topic)
	if err != nil {
		c.t.Fatal(err)
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		c.t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	for len(left) > 0 {
		for _, r := range reader.PollFetches(ctx).Records() {
			if !r.Attrs.IsControl() {
				rs = append(rs, r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		}
		if ctx.Err() != nil {
			c.t.Fatalf("%s was not read to its end", topic)
		}
	}
	return rs
}
