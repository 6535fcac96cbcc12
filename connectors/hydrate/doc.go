// Package hydrate answers: how do records of topics come into the event store?
// A consumer group of its own reads committed records, stores them, and then
// commits how far it is. Nothing waits for it: while the store is away, it
// waits, and the topics keep what it has not stored.
package hydrate
