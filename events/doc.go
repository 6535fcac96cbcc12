// Package events answers: what can happen in the health plan, and in which words.
//
// A type here is a fact in the past tense with the field names of the event
// catalogue. The package knows no broker, no codec and no rule; it imports the
// standard library only.
package events
