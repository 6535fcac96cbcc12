// Package batching answers: what does a batch do next, and what do its records
// change?
//
// It is what of the engine needs no broker, no clock and no chance: the order
// of a batch (Machine), the rows that an open transaction has changed, in front
// of the local store (Rows), the rows that wait for a time (Deadlines), and the
// way of a record, a tick and an effect through them (Work). internal/engine
// runs it on Kafka; internal/sim runs the same code on a model of Kafka, see
// docs/adr/0018-simulation.md.
package batching
