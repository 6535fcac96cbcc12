package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
)

// Sizes of the benchmarks of joins and timers. Each runs once: -benchtime 1x.
const (
	benchPartitions = 6
	benchLinks      = 1_000_000
	benchRights     = 100_000
	hotLinks        = 100_000
	pendingRows     = 1_000_000
	timedEvents     = 500_000
)

// load produces records as fast as the broker takes them.
func (c *cluster) load(n int, made func(i int) *kgo.Record) {
	c.t.Helper()
	for i := range n {
		c.client.Produce(context.Background(), made(i), func(_ *kgo.Record, err error) {
			if err != nil {
				c.t.Error(err)
			}
		})
	}
	if err := c.client.Flush(context.Background()); err != nil {
		c.t.Fatal(err)
	}
}

// recordAt is a record in the partition of its key.
func recordAt(topic, key string, value any) *kgo.Record {
	b, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return &kgo.Record{Topic: topic, Partition: topology.Partition([]byte(key), benchPartitions), Key: []byte(key), Value: b, Timestamp: time.Now()}
}

func right(key, text string) *kgo.Record {
	return recordAt(placesName+"-values", key, place{Key: key, Text: text, At: time.Now()})
}

func link(key, left string) *kgo.Record {
	return recordAt(topology.LinksTopic("visit-place.v1-test-consumer"), key, topology.Link{Key: key, Left: left})
}

// answers reads what is committed of the answers. It calls told with each,
// until that says that it was the last of a batch.
func (c *cluster) answers() (read func(told func(a topology.Answered[place], at time.Time) (last bool))) {
	c.t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.ConsumeTopics(topology.AnswersTopic("visit-place.v1-test-consumer")),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(20*time.Millisecond))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(reader.Close)
	return func(told func(a topology.Answered[place], at time.Time) (last bool)) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		for last := false; !last; {
			f := reader.PollFetches(ctx)
			if ctx.Err() != nil {
				c.t.Fatal("not all answers came")
			}
			now := time.Now()
			for it := f.RecordIter(); !it.Done(); {
				var a topology.Answered[place]
				if err := json.Unmarshal(it.Next().Value, &a); err != nil {
					c.t.Fatal(err)
				}
				last = told(a, now) || last
			}
		}
	}
}

// measured reports events a second and CPU seconds for a million of them.
func measured(b *testing.B, events int, run func()) {
	b.ResetTimer()
	began, cpu := time.Now(), cpuSeconds()
	run()
	b.ReportMetric(float64(events)/time.Since(began).Seconds(), "events/s")
	b.ReportMetric((cpuSeconds()-cpu)/float64(events)*1e6, "CPU-s/M")
}

// BenchmarkForeignJoin links a million rows with a hundred thousand values, in
// any order, until each row has been told.
func BenchmarkForeignJoin(b *testing.B) {
	c, j := newCluster(b), visiting(benchPartitions, 0)
	c.create(j.topics()...)
	c.load(benchRights, func(i int) *kgo.Record { return right(fmt.Sprint("right-", i), "first") })
	c.load(benchLinks, func(i int) *kgo.Record {
		return link(fmt.Sprint("right-", rand.IntN(benchRights)), fmt.Sprint("left-", i))
	})
	measured(b, benchLinks+benchRights, func() {
		c.start(b.TempDir(), j.groups[2:3])
		left := benchLinks
		seen := make(map[string]bool, benchLinks)
		c.answers()(func(a topology.Answered[place], _ time.Time) bool {
			if !seen[a.Left] {
				seen[a.Left], left = true, left-1
			}
			return left == 0
		})
	})
}

// BenchmarkFanOut changes a value that a hundred thousand rows are linked to,
// until each has been told, while other values of the same partition change: how
// long these wait to be told says how long the partition pauses.
func BenchmarkFanOut(b *testing.B) {
	c, j := newCluster(b), visiting(benchPartitions, 0)
	c.create(j.topics()...)
	beside := "right-0"
	for i := 1; topology.Partition([]byte(beside), benchPartitions) != topology.Partition([]byte("hot"), benchPartitions); i++ {
		beside = fmt.Sprint("right-", i)
	}
	c.produce(right("hot", "first"), right(beside, "first"))
	c.load(hotLinks, func(i int) *kgo.Record { return link("hot", fmt.Sprint("left-", i)) })
	c.load(1, func(int) *kgo.Record { return link(beside, "watcher") })
	c.start(b.TempDir(), j.groups[2:3])
	answers, n := c.answers(), 0
	answers(func(topology.Answered[place], time.Time) bool { n++; return n >= hotLinks+1 })
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // what goes on beside it
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			c.client.Produce(ctx, right(beside, fmt.Sprint(time.Now().UnixNano())), nil)
			<-tick.C
		}
	}()
	var waits []time.Duration
	measured(b, hotLinks, func() {
		began := time.Now()
		c.client.Produce(context.Background(), right("hot", "second"), nil)
		left := hotLinks
		answers(func(a topology.Answered[place], at time.Time) bool {
			switch {
			case a.Left == "watcher" && a.Value.Text != "first":
				var sent int64
				if _, err := fmt.Sscan(a.Value.Text, &sent); err == nil && time.Unix(0, sent).After(began) {
					waits = append(waits, at.Sub(time.Unix(0, sent)))
				}
			case a.Left != "watcher" && a.Value.Text == "second":
				left--
			}
			return left == 0
		})
		b.ReportMetric(time.Since(began).Seconds(), "s-until-told")
	})
	if len(waits) == 0 {
		b.Fatal("nothing went on beside it")
	}
	slices.Sort(waits)
	b.ReportMetric(float64(waits[len(waits)/2].Milliseconds()), "ms-median-wait")
	b.ReportMetric(float64(waits[len(waits)-1].Milliseconds()), "ms-longest-wait")
}

// BenchmarkDeadlines folds events into a million rows, each of which waits for
// a time that the event moves, and the same without a timer.
func BenchmarkDeadlines(b *testing.B) {
	b.Run("none", func(b *testing.B) { foldTimed(b, topology.Timer[visit]{}) })
	b.Run("a million", func(b *testing.B) {
		foldTimed(b, topology.Timer[visit]{
			Due:  func(v visit) time.Time { return v.At.Add(time.Hour) },
			Wake: func(v visit, _ topology.Waking) (visit, []topology.Output) { return v, nil },
		})
	})
}

func foldTimed(b *testing.B, timer topology.Timer[visit]) {
	c, input := newCluster(b), testStream[planned]("test.visit.planned", benchPartitions)
	group := topology.Group[visit]{Name: "timed.v1-test-consumer", Rows: plain[visit]{}, Timer: timer, View: topology.View{Name: "timed"},
		Inputs: topology.Inputs[visit]{topology.Fold(input, func(row visit, rec topology.Record[planned]) (visit, []topology.Output) {
			row.At, row.N = rec.At, row.N+1
			return row, nil
		})}}.Declare()
	c.create(append(group.Topics(), input.Topic, input.Topic.DLQ())...)
	made := func(i int) *kgo.Record {
		key := fmt.Sprint("visit-", i)
		return recordAt(input.Topic.Name, key, told{Key: key, At: time.Now()})
	}
	c.load(pendingRows, made)
	e, _ := c.start(b.TempDir(), []topology.Declared{group})
	folded := func(last string, n uint32) func() bool {
		return func() bool {
			a, err := e.Get("timed", last, false)
			return err == nil && a.Row.(visit).N >= n && e.Ready() == nil
		}
	}
	patiently(b, folded(fmt.Sprint("visit-", pendingRows-1), 1))
	measured(b, timedEvents, func() {
		c.load(timedEvents, func(i int) *kgo.Record {
			if i < timedEvents-1 {
				i = rand.IntN(pendingRows - 1)
			} else {
				i = pendingRows - 1
			}
			return made(i)
		})
		patiently(b, folded(fmt.Sprint("visit-", pendingRows-1), 2))
	})
}

// patiently waits for what takes a benchmark its time.
func patiently(b *testing.B, ok func() bool) {
	b.Helper()
	within(b, 10*time.Minute, "all events", ok)
}
