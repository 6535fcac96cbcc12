package topology

import (
	"context"
	"errors"
	"time"
)

// Shards reads the partitions of views' tables that are here, as the tables
// hold them. See docs/adr/0013.
type Shards interface {
	// Views lists what is served, in name order.
	Views() []Served
	// Read answers a question from the copy that is here. It fails with
	// ErrNoView, ErrElsewhere, ErrRestoring, ErrTooStale or ErrNotReached.
	Read(ctx context.Context, q Question) (Reply, error)
	// Decode turns a stored row of a view into a Row; incarnation is that of the
	// table that holds it.
	Decode(view, incarnation string, stored []byte) (Row, error)
	// Ready returns nil when every partition that is here is restored and
	// fresh, and says what is missing otherwise.
	Ready() error
	// Status says what this worker runs and holds.
	Status() Status
}

// Question asks one partition of a view's table for rows: those of Keys, else a
// run of those under Under, else a run of all.
type Question struct {
	View      string
	Partition int32
	Keys      []string // stored keys
	Under     string   // what the stored keys begin with
	From      Place    // of a run
	Synthetic bool     // of a run: rows of synthetic events
	Limit     int

	Incarnation string     // of the table, "" for any: another one does not answer
	AtLeast     []Position // what the copy must hold: of inputs, or of the table itself
	// Staleness is how old a copy that is not the owner's may be; 0: the owner
	// alone answers, however far behind its inputs it is.
	Staleness time.Duration
	// Fresh says that Staleness binds the owner too.
	Fresh bool
	// OwnerOnly says that no other copy is to answer, whatever Staleness is.
	OwnerOnly bool
}

// Stored is a row as its table holds it; Value is nil where there is none.
type Stored struct {
	Key   string // stored key
	Value []byte
}

// Reply answers a Question, for Keys in their order.
type Reply struct {
	Rows []Stored
	Next *Place // of a run: where it goes on, nil at its end
	Copy Copy
}

// Copy is what a copy of a partition says of itself.
type Copy struct {
	Incarnation string
	Changelog   int64         // next offset of the table: what lies before it is in the copy
	Positions   []Position    // of all inputs of the partition
	Lag         int64         // records behind the ends of the inputs when last compared, -1: not known
	Age         time.Duration // since all inputs were known to be in the copy, -1: never
	Stale       bool          // Age is unknown or above the freshness bound, or others than the owner answered
	Replica     bool          // not the owner's
}

// Errors of reading a partition.
var (
	ErrElsewhere  = errors.New("the partition is not here")
	ErrTooStale   = errors.New("no copy is as fresh as is asked for")
	ErrNotReached = errors.New("the copy did not reach the position in time")
	ErrNoPosition = errors.New("the position is of a table that is no more")
)

// NotReachedError is ErrNotReached with the place of the wait.
type NotReachedError struct {
	Group, Topic string
	Refused      bool // the cluster does not let this process see how far the group is
}

func (e *NotReachedError) Error() string {
	if e.Refused {
		return "this process has no right to see how far group " + e.Group + " is in " + e.Topic
	}
	return "group " + e.Group + " is not past it in " + e.Topic
}

func (e *NotReachedError) Unwrap() error { return ErrNotReached }

// Allowance is what a reader allows of the copies that answer it.
type Allowance struct {
	// Staleness is how old an answer may be; nil: an owner's may be of any age,
	// and others answer as far as the deployment lets them.
	Staleness *time.Duration
	// AtLeast is what an answer must hold, of any topic on the way to the view.
	AtLeast []Position
	// Tables are the incarnations of the tables that AtLeast is about.
	Tables map[string]string
	// Incarnation is the table that is to answer, "" for the live one.
	Incarnation string
	// Wait is how long to wait for AtLeast, and for a copy that answers.
	Wait time.Duration
}

type allowanceKey struct{}

// Allow says what the reader of a request allows.
func Allow(ctx context.Context, a Allowance) context.Context {
	return context.WithValue(ctx, allowanceKey{}, a)
}

// Allowed is what the reader allows; the zero Allowance where nobody said.
func Allowed(ctx context.Context) Allowance {
	a, _ := ctx.Value(allowanceKey{}).(Allowance)
	return a
}
