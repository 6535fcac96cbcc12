package topology

// Pinned is a value that a group reads and no table holds, such as a snapshot
// of rules. It is taken when a transaction begins, and every record of the
// transaction sees the same one. Where it cannot be had, nothing flows.
type Pinned interface {
	// Mark is the record that says, in that same transaction, which value it
	// was and which input it was used for; one without a value is not written.
	// The group declares its stream.
	Mark(worker string, ranges []Range) Output
	// Version and Hash name the value, for the worker's account of itself.
	Version() int64
	Hash() string
}

// Range is a run of records of one input partition: To is the offset after
// the last.
type Range struct {
	Topic     string
	Partition int32
	From, To  int64
}

// Pin is the pinned value of a group, as a fold reads it.
func Pin[P Pinned](r Reader) P {
	p, _ := r.Pinned().(P)
	return p
}
