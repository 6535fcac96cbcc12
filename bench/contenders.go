package main

import (
	"context"

	"payerflow/internal/topology"
)

// contender is one line of the table. Another mode of an engine is another
// contender.
type contender struct {
	name, title string
	run         func(context.Context, job) error // nil: not in this program
	topics      func(id string) []topology.Topic // what it needs made beforehand
	stateless   bool
	work        work
}

// work is what is folded, and what should come of it.
type work struct {
	feeds []feed
	reads func(id string) []reading
	rows  func(id string) string               // topic whose newest rows are the final state
	row   func(value []byte) ([16]byte, error) // what is digested of a row
	model func() (keys int, sum string)        // nil: the engines must agree with each other
}

// reading is a topic that a consumer group reads to its end, but for the
// transaction markers that end each partition of it.
type reading struct {
	group, topic string
	markers      int64
}

var contenders []contender

func init() {
	justView := func(id string) []topology.Topic { return []topology.Topic{view(id)} }
	peers := work{feeds: feeds, rows: func(id string) string { return view(id).Name }, row: statusRow, reads: func(id string) (rs []reading) {
		for _, f := range feeds {
			rs = append(rs, reading{job{id: id}.group(), f.topic.Name, 0})
		}
		return rs
	}}
	own := work{feeds: ownFeeds, rows: func(id string) string { return ownClaims(id).Table.Name }, row: ownRow, reads: ownReads, model: ownModel}
	contenders = []contender{
		{"payerflow", "payerflow exactly-once", runPayerflow, payerflowTopics, false, peers},
		{"at-least-once", "payerflow at-least-once", runAtLeastOnce, payerflowTopics, false, peers},
		{"claim-status", "payerflow exactly-once, the product's own claim-status", runOwn, ownTopics, false, own},
		{"streams", "Kafka Streams 4.3.1 exactly_once_v2, RocksDB", nil, justView, false, peers},
		{"goka", "goka 1.1.14, sarama, goleveldb, at least once", runGoka, justView, false, peers},
		{"franz", "franz-go and a map, no store: the limit", runFranz, justView, true, peers},
	}
}

func find(name string) (contender, bool) {
	for _, c := range contenders {
		if c.name == name {
			return c, true
		}
	}
	return contender{}, false
}
