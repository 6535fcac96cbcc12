package topology

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// Views reads the rows of declared views, wherever they run, as the request's
// Allowance says.
type Views interface {
	// Views lists what is served, in name order.
	Views() []Served
	// Get reads the row of a key. It fails with ErrNoView, ErrNotFound or an
	// AwayError.
	Get(ctx context.Context, view, key string, synthetic bool) (Answer, error)
	// Batch reads the rows of keys, each as Get does, in the order of the keys.
	Batch(ctx context.Context, view string, keys []string, synthetic bool) []Got
	// List reads up to limit rows from a place on. Rows written meanwhile may or
	// may not appear; none appears twice. It fails with ErrNoView or an AwayError.
	List(ctx context.Context, view string, from Place, limit int, synthetic bool) (Page, error)
	// Under reads up to limit rows under a key, in their order, from a place on:
	// none where there are none. It fails with ErrNoView, also of a view that
	// does not list, or an AwayError.
	Under(ctx context.Context, view, key string, from Place, limit int, synthetic bool) (Page, error)
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
	Table      string // topic of the group's table
	Partitions int    // of the table
	// Version is the group, and Incarnation its table, of a view that has more
	// than one version.
	Version, Incarnation string
}

// Errors of reading a view.
var (
	ErrNoView    = errors.New("no such view")
	ErrNotFound  = errors.New("no such row")
	ErrRestoring = errors.New("the partition is being restored")
	// ErrSwitching says that another version of the view is about to be live.
	ErrSwitching = fmt.Errorf("the view is being switched to another version: %w", ErrRestoring)
)

// AwayError says that for now nobody answers for a partition of a view, as the
// reader asks it; Err says why.
type AwayError struct {
	Partition int32
	Err       error // wraps ErrElsewhere, ErrRestoring, ErrTooStale, ErrNotReached or ErrUnavailable
}

func (e *AwayError) Error() string { return fmt.Sprintf("partition %d: %v", e.Partition, e.Err) }

func (e *AwayError) Unwrap() error { return e.Err }

// Got is what Batch has for a key.
type Got struct {
	Answer
	Err error
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
	Suffix    string // whole, of a view that lists
	Row       Row
	Stored    []byte // as the table holds it
	Partition int32
	Copy
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
