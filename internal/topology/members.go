package topology

import "fmt"

// Members is the compacted topic in which workers announce themselves: one
// record for each group and worker, so that survivors know whose transaction
// to end when a worker is gone.
var Members = Topic{
	Name: "payerflow.members", Partitions: 1, Cleanup: Compact, Compression: "lz4", MaxMessageBytes: 1 << 20,
	Owner: "payerflow", Doc: "workers, their transactional ids and where they answer",
}

// FeedingGroup is the consumer group that brings a group's inputs of n
// partitions, another count than its own, to its repartition topics.
func FeedingGroup(group string, n int) string { return fmt.Sprintf("%s-repartition-%d", group, n) }

// TransactionalIDs is what the transactional ids of a consumer group's workers
// begin with; the worker's instance follows.
func TransactionalIDs(group string) string { return "payerflow." + group + "." }
