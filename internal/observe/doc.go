// Package observe answers how the parts of a process tell those who watch it: counters of Kafka clients, and later spans of one event's way.
//
// Nothing here ever holds a key, a body or a token: names come from declarations, and counts are counts.
package observe
