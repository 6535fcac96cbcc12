// Package sim answers: does the engine keep its promises at every moment, and
// not at those alone that a killed process happens to hit?
//
// It runs the engine's own batches (internal/batching) and declared groups on a
// model of Kafka's transactions, in one goroutine, as one seed decides. See
// docs/simulation.md and docs/adr/0018-simulation.md.
package sim
