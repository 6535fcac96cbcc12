package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/connectors/kafka"
	"payerflow/internal/topology"
)

// All topics begin with prefix, so that what a run leaves is found and removed.
const (
	prefix     = "bench."
	partitions = 12
)

type feed struct {
	topic  topology.Topic
	events int
	codec  interface {
		Decode([]byte) (any, error)
	}
	event func(n int) (*kgo.Record, error)
}

func input(name string) topology.Topic {
	return topology.Topic{Name: prefix + name, Partitions: partitions, Cleanup: topology.Delete, Compression: "lz4", MaxMessageBytes: 1 << 20, KeyField: "claimId"}
}

var claimCount = claimsWanted()

var (
	submittedStream   = topology.Stream[submitted]{Topic: input("claim.submitted"), Codec: submittedCodec}
	adjudicatedStream = topology.Stream[adjudicated]{Topic: input("claim.adjudicated"), Codec: adjudicatedCodec}
	paidStream        = topology.Stream[paid]{Topic: input("claim.paid"), Codec: paidCodec}
	resolvedStream    = topology.Stream[resolved]{Topic: input("appeal.resolved"), Codec: resolvedCodec}

	feeds = []feed{
		{submittedStream.Topic, claimCount, loose[submitted]{submittedCodec}, peerEvents(0)},
		{adjudicatedStream.Topic, claimCount * 9 / 10, loose[adjudicated]{adjudicatedCodec}, peerEvents(1)},
		{paidStream.Topic, claimCount * 7 / 10, loose[paid]{paidCodec}, peerEvents(2)},
		{resolvedStream.Topic, claimCount / 10, loose[resolved]{resolvedCodec}, peerEvents(3)},
	}
)

var total = claimCount * 27 / 10

// claimsWanted is how many claims the events are about: CLAIMS, or a million.
func claimsWanted() int {
	if n, err := strconv.Atoi(os.Getenv("CLAIMS")); err == nil && n >= 10 {
		return n
	}
	return 1_000_000
}

// view is the topic to which a run writes every new row.
func view(id string) topology.Topic {
	return input("view." + id)
}

// peerEvents makes the records of one of the peers' feeds.
func peerEvents(feed int) func(n int) (*kgo.Record, error) {
	return func(n int) (*kgo.Record, error) {
		claim, at, value, err := event(feed, n)
		return &kgo.Record{Key: []byte(claim), Partition: topology.Partition([]byte(claim), partitions), Value: value, Timestamp: at}, err
	}
}

func newClient(opts ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(broker), kgo.ProducerBatchCompression(kgo.Lz4Compression())}, opts...)...)
	must(err)
	return c
}

// create makes topics as the product does, on one node, and returns when the
// node knows them.
func create(ctx context.Context, topics ...topology.Topic) {
	one := kafka.Replication{Factor: 1, MinInSync: 1}
	c, err := kafka.Dial(ctx, []string{broker})
	must(err)
	defer c.Close()
	changes, err := c.Diff(ctx, topics, one)
	must(err)
	must(c.Apply(ctx, changes, one, func(kafka.Change) {}))
	await(ctx, func() bool {
		changes, err := c.Diff(ctx, topics, one)
		return err == nil && len(changes) == 0
	})
}

// remove deletes the topics that keep says no to.
func remove(ctx context.Context, a *kadm.Client, keep func(topic string) bool) {
	topics, err := a.ListTopics(ctx)
	must(err)
	for _, t := range topics.Names() {
		if strings.HasPrefix(t, prefix) && !keep(t) {
			_, err := a.DeleteTopics(ctx, t)
			must(err)
		}
	}
}

func isInput(topic string) bool {
	return slices.ContainsFunc(slices.Concat(feeds, ownFeeds), func(f feed) bool { return f.topic.Name == topic })
}

// preload writes the events of the engines that are named, unless they are there.
func preload(ctx context.Context, engines []string) {
	c := newClient(kgo.MaxBufferedRecords(50_000), kgo.ProducerLinger(50*time.Millisecond), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer c.Close()
	a := kadm.NewClient(c)
	keep := map[string]bool{}
	var missing []feed
	for _, all := range worksOf(engines) {
		if !loaded(ctx, a, all) {
			missing = append(missing, all...)
			continue
		}
		for _, f := range all {
			keep[f.topic.Name] = true
		}
	}
	if len(missing) == 0 {
		return
	}
	remove(ctx, a, func(topic string) bool { return keep[topic] })
	began := time.Now()
	bytes, events := 0, 0
	for _, f := range missing {
		await(ctx, func() bool { // a topic that was just deleted may not be gone yet
			topics, err := a.ListTopics(ctx, f.topic.Name)
			return err == nil && !topics.Has(f.topic.Name)
		})
		create(ctx, f.topic)
		for n := range f.events {
			r, err := f.event(n)
			must(err)
			r.Topic = f.topic.Name
			bytes += len(r.Value)
			c.Produce(ctx, r, func(_ *kgo.Record, err error) { must(err) })
		}
		events += f.events
	}
	must(c.Flush(ctx))
	note("preloaded %d events of %d bytes on average in %.0f s", events, bytes/events, time.Since(began).Seconds())
}

// worksOf are the sets of feeds that the engines fold, each once.
func worksOf(engines []string) (works [][]feed) {
	has := map[string]bool{}
	for _, name := range engines {
		c, _ := find(name)
		if all := c.work.feeds; len(all) > 0 && !has[all[0].topic.Name] {
			has[all[0].topic.Name] = true
			works = append(works, all)
		}
	}
	return works
}

func loaded(ctx context.Context, a *kadm.Client, feeds []feed) bool {
	var names []string
	for _, f := range feeds {
		names = append(names, f.topic.Name)
	}
	ends, err := a.ListEndOffsets(ctx, names...)
	must(err)
	for _, f := range feeds {
		n := int64(0)
		for _, o := range ends[f.topic.Name] {
			n += o.Offset
		}
		if n != int64(f.events) {
			return false
		}
	}
	return true
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// uuid is number i of a kind, the same in every run.
func uuid(kind, i int) string {
	var b [16]byte
	r := rand.New(rand.NewPCG(uint64(kind), uint64(i)))
	binary.BigEndian.PutUint64(b[:], r.Uint64())
	binary.BigEndian.PutUint64(b[8:], r.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// told is what event n of a feed is about.
type told struct {
	n, c              int // of the feed, and of the claim
	id, claim, member string
	at                time.Time
}

// appealed is of how many claims one is appealed.
const appealed = 9

func telling(feed, n int) told {
	t := told{n: n, c: n}
	if feed == 3 {
		t.c = appealed * n
	}
	t.id, t.claim, t.member = uuid(feed+1, n), uuid(0, t.c), fmt.Sprintf("MBR%09d", t.c%250_000)
	t.at = epoch.Add(time.Duration(t.c)*100*time.Millisecond + time.Duration(feed)*3*time.Hour)
	return t
}

func (t told) denied() bool { return t.n%10 == 9 }

// event makes event n of a feed of the peers.
func event(feed, n int) (claim string, at time.Time, value []byte, err error) {
	t := telling(feed, n)
	c, id, member, when := t.c, t.id, t.member, t.at.Format(layout)
	claim, at = t.claim, t.at
	money := func(factor int) string { return fmt.Sprintf("%d.%02d", 50+c*factor%9000, c%100) }
	switch feed {
	case 0:
		value, err = submittedCodec.Encode(submitted{id, claim, member, uuid(11, n%5000), uuid(17, n%50), money(7), "J45.909", "99213", when[:10], when})
	case 1:
		decision := "APPROVED"
		if t.denied() {
			decision = "DENIED"
		}
		value, err = adjudicatedCodec.Encode(adjudicated{id, claim, member, uuid(12, n%300), decision, money(5), "100.00", "20.00", "CO-45 charge exceeds fee schedule", when})
	case 2:
		value, err = paidCodec.Encode(paid{id, claim, member, uuid(13, n), money(3), fmt.Sprintf("%010d", n), "EFT", "021000021", uuid(14, n/50), when})
	case 3:
		value, err = resolvedCodec.Encode(resolved{id, claim, member, uuid(15, n), "UPHELD", money(4), uuid(16, n%40)[:18], "CO-50", "medical necessity", when})
	}
	return claim, at, value, err
}
