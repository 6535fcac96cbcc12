package topology

// Members is the compacted topic in which workers announce themselves: one
// record for each group and worker, so that survivors know whose transaction
// to end when a worker is gone.
var Members = Topic{
	Name: "payerflow.members", Partitions: 1, Cleanup: Compact, Compression: "lz4", MaxMessageBytes: 1 << 20,
	Owner: "payerflow", Doc: "workers, their transactional ids and where they answer",
}
