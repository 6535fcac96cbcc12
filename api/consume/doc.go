// Package consume answers: how does a team without a Kafka client get the
// copies that its subscriptions are given? By pulling with leases, by server
// sent events, or by a gRPC stream; all three read the subscription's consumer
// topic, mask each event once more with the rules of that moment, and promise
// at least once.
package consume
