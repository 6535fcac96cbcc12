// Package engine answers: how does a declared group run on a broker, exactly
// once, and how are its rows read.
//
// It is goka, unmodified, on franz-go: each processor instance has one client
// that is group consumer and transactional producer at once. One batch of
// records is one Kafka transaction: input offsets, changelog, repartition
// records, outputs and dead letters commit together or not at all. Rows of an
// open transaction live in an overlay; they reach the local store, with the
// changelog offset, after Kafka has committed. The store can only be behind.
//
// It is the only package that imports goka and sarama. goka's own log lines
// and errors hold keys; neither leaves this package.
package engine
