// Package codecs answers: how does an event, a row or a dead letter look as
// bytes, and which bytes are refused.
//
// Domain topics and tables carry typed Avro in the Confluent frame; bodies at
// the doors are JSON, checked against the JSON Schema of their event type.
package codecs
