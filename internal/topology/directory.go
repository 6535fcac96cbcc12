package topology

import "context"

// Directory knows which workers have which partitions of views' tables, and how
// far the groups are.
type Directory interface {
	// Self is this worker's instance.
	Self() string
	// Holders are the other workers that said that they have a partition: who
	// folds it first, then those that follow it, then the rest of its group.
	Holders(view string, partition int32) []Holder
	// Incarnation is that of a view's table now, "" where it is not known.
	Incarnation(view string) string
	// Reach waits until all that lies before the positions has come to the group
	// of a view, and returns what a copy of its table must hold then. It fails
	// with ErrNotReached, wrapped in where it waits, or ErrNoPosition.
	Reach(ctx context.Context, view string, from []Position) ([]Position, error)
}

// Holder is a worker that said that it has a partition.
type Holder struct {
	Instance   string
	Address    string // where it answers other workers
	Generation int64  // of the group, when it said so
	Owner      bool   // it folds it
}
