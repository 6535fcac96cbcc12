// Package rowlog answers: how are the rows of a table kept on local disk, when
// they are read by key and listed by hash, and the changelog can fill them
// again.
//
// A Log is a sequence of segment files to which batches are appended, and an
// index in memory. Each partition's index is one array sorted by the 64-bit
// hash of the key, so that a look-up is a short walk and a listing is the
// array itself. A log whose rows are under keys has a tree instead, in which
// those of one key stand side by side. Format and crash rules are in
// docs/store.md.
package rowlog
