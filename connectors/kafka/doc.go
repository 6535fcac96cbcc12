// Package kafka answers: how do tools stand at the edge of the broker. It
// creates and compares topics, publishes bodies, and shows what topics hold.
// The stream application itself runs in internal/engine.
package kafka
