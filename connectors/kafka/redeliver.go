package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
	"payerflow/processors"
)

// Past has what partitions held before their topics forgot it.
type Past interface {
	// Lacks says why the records of a partition between two offsets cannot all
	// be given, "" where they can.
	Lacks(ctx context.Context, topic string, partition int32, from, to int64) (string, error)
	// Read calls each for them, in order, from a time stamp on.
	Read(ctx context.Context, topic string, partition int32, from, to int64, since time.Time, each func(*kgo.Record) error) error
}

// Redeliverer gives recorded events to one reader once more.
type Redeliverer struct {
	Brokers []string
	Schemas topology.Schemas
	Options []kgo.Opt
	Rules   func() (*processors.Rules, error) // in force now
	Past    Past                              // nil: none
}

// Redelivery says which events go to whom.
type Redelivery struct {
	ID           string // the same request goes on where one with this id was cut short
	Subscription string // team/name
	Topic        string // consumer.{team}.…; "": the subscription's own
	Choice       processors.EventChoice
	Source       string  // one topic of those that the router reads; "": all
	Partitions   []int32 // of it; none: all
	FromOffset   int64   // in them
	ToOffset     int64   // 0: to the end
	Rate         int     // copies a second; 0: as many as it can
	Incomplete   bool    // whatever is gone
	DryRun       bool    // only count
	By, Why      string
}

// RedeliveryError says why nothing is delivered again.
type RedeliveryError struct{ Code, Text string }

func (e *RedeliveryError) Error() string { return e.Text + " (" + e.Code + ")" }

// Codes of RedeliveryError.
const (
	NoSubscription  = "SUBSCRIPTION_NOT_FOUND"
	NotActive       = "SUBSCRIPTION_NOT_ACTIVE"
	NotTheirs       = "TOPIC_NOT_ALLOWED"
	NoSource        = "NO_SUCH_SOURCE"
	RedeliveryDone  = "REDELIVERY_DONE"
	PastIsLost      = "HISTORY_LOST"
	RedeliveryTaken = "OVERTAKEN"
)

func undeliverable(code, format string, a ...any) error {
	return &RedeliveryError{code, fmt.Sprintf(format, a...)}
}

const (
	// redeliverEvery is how long copies are made by one snapshot of the rules,
	// and how often it is written down how far it is.
	redeliverEvery = time.Second
	// sameEvent is how long the router knows an event that comes twice.
	sameEvent = 24 * time.Hour
)

// Redeliver delivers chosen events again, in the order of each partition, as
// the rules in force at that moment let the subscription see them. Copies and
// how far it is are written in one transaction: a run that was cut short is
// gone on with by the same request, and no copy is written twice. progress is
// told now and then.
func (d Redeliverer) Redeliver(ctx context.Context, req Redelivery, progress func(Redelivered)) (Redelivered, error) {
	r := &redelivery{d: d, req: req, progress: progress, seen: map[[16]byte]int64{}}
	if err := r.open(ctx); err != nil {
		return r.state, err
	}
	defer r.close()
	if err := r.begin(ctx); err != nil {
		return r.state, err
	}
	err := r.read(ctx)
	if err == nil {
		r.state.State = RedeliveryIsDone
		err = r.commit(ctx)
	}
	return r.state, err
}
