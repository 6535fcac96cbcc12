// Package embedded answers: how does one process hold a broker and a schema
// registry with nothing installed?
//
// [StartBroker] runs a Kafka broker (kfake) in the process, in memory or on a
// data directory that survives restarts and kill -9. [StartRegistry] serves
// the Confluent Schema Registry REST API for Avro; its whole state is the fold
// of a compacted topic, so it runs on any broker, the embedded one included.
//
// With a [Login], both ask who is there: the broker everybody, the registry who
// changes something. Neither speaks TLS: bind them to an address that only this
// machine reaches.
package embedded
