// Package store answers: what did topics hold, after they have forgotten it? It
// keeps records of topics exactly as they are in a database of MongoDB's
// protocol, finds them by what is known of their events, and gives them back
// in order, so that topics can be filled from it again.
//
// Two kinds of server are told apart. One of MongoDB has indexes, and filters.
// FerretDB finds documents by their _id alone: there, lists under composite
// _ids stand for the indexes (docs/adr/0017-event-store.md).
//
// What the store holds is PHI, in the clear. No error of this package repeats
// any of it.
package store
