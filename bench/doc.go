// Command bench answers: what does the engine cost beside its peers, on the
// same work and the same broker. peers.sh builds and runs it.
//
// The work: 2.7 million events about 1.0 million claims, in 4 topics of 12
// partitions, are folded into one row a claim; each new row is kept in a local
// store with a changelog, and written to a view topic.
//
// One line of the table is the product's own claim-status: the same events in
// the catalogue's schemas, and rows that hold more. Its final state is compared
// with a model that folds them without an engine.
//
// reads.sh measures something else: what does a read of a view cost beside
// Redis behind a small handler, on the same rows.
//
// watch.sh measures updates of rows that many watch, and holds what each watcher
// was told to what was committed. connections.sh has more connect than may, and
// does the same.
//
// It is a module of its own, so that the requirements of the peers stay out of
// the product. Its path lies below payerflow, which lets it run the very
// internal/engine that ships.
package main
