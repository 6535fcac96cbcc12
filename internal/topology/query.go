package topology

import (
	"errors"
	"fmt"
	"reflect"
)

// Views reads the rows of declared views, wherever they run.
type Views interface {
	// Views lists what is served, in name order.
	Views() []Served
	// Get reads the row of a key. It fails with ErrNoView, ErrNotFound,
	// ErrRestoring or a NotOwnedError.
	Get(view, key string, synthetic bool) (Answer, error)
	// List reads up to limit rows from a place on, of the partitions that are
	// here. Rows written meanwhile may or may not appear; none appears twice.
	List(view string, from Place, limit int, synthetic bool) (Page, error)
	// Under reads up to limit rows under a key, in their order, from a place on:
	// none where there are none. It fails with ErrNoView, also of a view that
	// does not list, ErrRestoring or a NotOwnedError.
	Under(view, key string, from Place, limit int, synthetic bool) (Page, error)
	// Ready returns nil when every partition that is here is restored and
	// fresh, and says what is missing otherwise.
	Ready() error
	// Status says what this worker runs and holds.
	Status() Status
}

// Served is a view with the Go type of its rows, and the event types that go
// into them.
type Served struct {
	View
	Row        reflect.Type
	EventTypes []string
}

// Errors of reading a view.
var (
	ErrNoView    = errors.New("no such view")
	ErrNotFound  = errors.New("no such row")
	ErrRestoring = errors.New("the partition is being restored")
)

// NotOwnedError says that another worker holds the partition of a key.
type NotOwnedError struct{ Partition int32 }

func (e *NotOwnedError) Error() string {
	return fmt.Sprintf("partition %d belongs to another worker", e.Partition)
}

// Position is how far one input partition has been folded: the next offset.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Answer is one row with the engine's own account of it. Positions are of all
// inputs of the row's partition; the row holds at least what lies before them.
//
// In a view that lists, Key is the one that the row is under, and ID what its
// suffix names.
type Answer struct {
	Key, ID   string
	Row       Row
	Positions []Position
	Stale     bool
}

// Page is a run of rows in the order (partition, 64-bit hash of the key, key),
// in a view that lists in the order (partition, hash of the key that they are
// under, number, hash, key).
type Page struct {
	Rows []Answer
	Next *Place // nil: no more
}

// Place is where a page begins: at the rows with this hash, after this many of
// them. It holds no key.
type Place struct {
	Partition int32
	Run       uint64 // of a view that lists: hash of what the row is under (32 bits), and its number
	Hash      uint64
	Skip      int
}
