package topology

import (
	"context"
	"errors"
)

// Watches follows what is committed to the tables of views, wherever they are
// folded. See docs/adr/0015.
type Watches interface {
	// Watch follows rows from a place of their table's changelog on. It fails
	// with ErrNoView, ErrNoPosition where the place is of another incarnation or
	// was never written, and ErrUnavailable.
	Watch(ctx context.Context, w Watch) (Watching, error)
	// Decode turns a stored row of a view into a Row.
	Decode(view, incarnation string, stored []byte) (Row, error)
}

// Watch says what is followed: the row of a stored key, or all rows under one.
type Watch struct {
	View        string
	Partition   int32
	Key         string // stored key; of rows under a key, what their stored keys begin with
	From        int64  // offset in the changelog
	Incarnation string // of the table
}

// Watching hands committed states over, each once and in the changelog's order.
type Watching interface {
	// Ready has an element when there may be something to take.
	Ready() <-chan struct{}
	// Take returns the states that are there, and the offset that they and the
	// silence behind them reach up to. An error ends the watch, when all that
	// came before it has been taken: ErrPassed, ErrBehind, ErrNoPosition or
	// ErrUnavailable.
	Take() (states []State, next int64, err error)
	Close()
}

// State is what a transaction made of a row; Value is nil where it is gone.
type State struct {
	Offset int64
	Stored
	Trace string // traceparent of what made it, "" where nobody follows it
}

// Errors that end a watch.
var (
	ErrPassed = errors.New("states behind the position may be compacted away")
	ErrBehind = errors.New("states came faster than they were taken")
)
