// Package refill answers: do topics and the event store hold the same, and how
// does one get back from the other what it lost? Records that go back into an
// empty topic take the offsets that they had: whatever speaks of a record by
// its place stays true. See docs/adr/0022.
package refill
