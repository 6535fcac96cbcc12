package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/observe"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// Fresh is how long ago the tail may last have been seen at the log's end for
// the rules to hold. Past it, nothing is done by them.
const Fresh = 5 * time.Second

const (
	controlAsks     = 500 * time.Millisecond // between two questions for the log's end
	controlAskLimit = 2 * time.Second        // how long a question may take
	changeTimeout   = 10 * time.Second       // how long a change may take to be written and to come back
)

// Control tails mediator.control and folds it into the rules. Run does the
// work; every other call may come from any goroutine.
type Control struct {
	tail    *Client
	sender  *Client
	serde   topology.Serde[events.Control]
	log     *slog.Logger
	metrics controlMetrics

	base    *processors.Rules
	current atomic.Pointer[snapshot]
	end     logEnd

	mu       sync.Mutex
	waiting  int                          // changes under way
	outcomes map[int64]processors.Outcome // of what was folded since the first of them began
	folded   chan struct{}                // closed when more is folded
}

// snapshot is the rules with what is closed when others take their place.
type snapshot struct {
	rules    *processors.Rules
	replaced chan struct{}
}

// OpenControl connects to the brokers; nothing is read before Run. base is
// what holds before the first change. opts may carry SASL.
func OpenControl(brokers []string, s topology.Schemas, base *processors.Rules, log *slog.Logger, metrics prometheus.Registerer, opts ...kgo.Opt) (*Control, error) {
	topic := topologies.Control.Topic.Name
	serde, err := topologies.Control.Codec.Bind(s, topic)
	if err != nil {
		return nil, err
	}
	tail, err := Open(brokers, append([]kgo.Opt{kgo.KeepControlRecords(), kgo.MetadataMinAge(100 * time.Millisecond), observe.Client(metrics, "rules"),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}})}, opts...)...)
	if err != nil {
		return nil, err
	}
	sender, err := Open(brokers, append([]kgo.Opt{kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RecordDeliveryTimeout(changeTimeout), observe.Client(metrics, "rules changes"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0)}, opts...)...)
	if err != nil {
		tail.Close()
		return nil, err
	}
	c := &Control{tail: tail, sender: sender, serde: serde, log: log, base: base, outcomes: map[int64]processors.Outcome{}, folded: make(chan struct{})}
	c.current.Store(&snapshot{base, make(chan struct{})})
	c.metrics = newControlMetrics(metrics, c)
	return c, nil
}

// Close ends the connections. Run must have ended.
func (c *Control) Close() {
	c.tail.Close()
	c.sender.Close()
}

// Run tails the log until ctx ends. A broker or registry that is away is
// waited for: meanwhile the rules go stale, and Rules fails.
func (c *Control) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { c.askForEnd(ctx) })
	defer wg.Wait()
	for ctx.Err() == nil {
		fetches := c.tail.kafka.PollFetches(ctx)
		fetches.EachError(func(_ string, _ int32, err error) {
			if ctx.Err() == nil {
				c.log.Warn("the rules' log cannot be read", "error", err)
			}
		})
		if records := fetches.Records(); len(records) > 0 {
			c.fold(ctx, records)
		}
	}
	return nil
}

// fold takes a batch of records into the rules. It gives up only when ctx ends.
func (c *Control) fold(ctx context.Context, records []*kgo.Record) {
	changes := make([]processors.Change, 0, len(records))
	for _, r := range records {
		if r.Attrs.IsControl() {
			continue
		}
		event, err := c.decode(ctx, r)
		if ctx.Err() != nil {
			return
		}
		if err != nil { // everybody who folds the log refuses it, and so the empty change in its place
			c.metrics.undecodable.Inc()
			c.log.Error("a control event does not decode", "offset", r.Offset, "error", err)
		}
		changes = append(changes, processors.Change{Offset: r.Offset, Control: event})
	}
	before := c.current.Load()
	rules := before.rules
	if records[0].Offset < rules.Offset() { // the log was made anew
		c.log.Warn("the rules' log begins again: what it held before is forgotten")
		rules = c.base
	}
	var outcomes []processors.Outcome
	if len(changes) > 0 {
		rules, outcomes = rules.Apply(changes)
		rules.Warm() // here, and not in a transaction of the router
		c.current.Store(&snapshot{rules, make(chan struct{})})
		close(before.replaced)
	}
	c.metrics.count(outcomes)
	c.end.reached(records[len(records)-1].Offset + 1)
	c.tell(outcomes)
}

// decode waits for a registry that is away.
func (c *Control) decode(ctx context.Context, r *kgo.Record) (events.Control, error) {
	b := backoff.NewExponentialBackOff()
	b.MaxInterval = time.Second
	return backoff.Retry(ctx, func() (events.Control, error) {
		event, err := c.serde.Decode(r.Value)
		if err != nil && !errors.Is(err, topology.ErrUnavailable) {
			err = backoff.Permanent(err)
		}
		return event, err
	}, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(0))
}

// tell hands outcomes to the changes that wait.
func (c *Control) tell(outcomes []processors.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting > 0 {
		for _, o := range outcomes {
			c.outcomes[o.Offset] = o
		}
	}
	close(c.folded)
	c.folded = make(chan struct{})
}

// askForEnd asks again and again where the log ends. A fetch that brings
// nothing is not shown to us by the client, so that it cannot tell.
func (c *Control) askForEnd(ctx context.Context) {
	tick := time.NewTicker(controlAsks)
	defer tick.Stop()
	away := false
	for {
		asked := c.end.ask(time.Now())
		end, err := c.committedEnd(ctx)
		switch {
		case err == nil:
			c.end.seen(asked, end)
			if away {
				c.log.Info("the end of the rules' log is known again")
			}
		case !away && ctx.Err() == nil:
			c.log.Warn("the end of the rules' log is not known", "error", err)
		}
		away = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// committedEnd is the offset behind the last committed record, or 0 where the
// log holds nothing.
func (c *Control) committedEnd(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, controlAskLimit)
	defer cancel()
	topic := topologies.Control.Topic.Name
	listed, err := c.tail.admin.ListCommittedOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	end, ok := listed.Lookup(topic, 0)
	if !ok {
		return 0, fmt.Errorf("topic %s does not exist; see: payerflow topics apply", topic)
	}
	return end.Offset, end.Err
}

// Rules are the rules in force. The error wraps topology.ErrUnavailable where
// the tail was not seen at the log's end within Fresh.
func (c *Control) Rules() (*processors.Rules, error) {
	if age := c.end.age(time.Now()); age > Fresh {
		return nil, fmt.Errorf("the rules are older than %s: %w", Fresh, topology.ErrUnavailable)
	}
	return c.current.Load().rules, nil
}

// Changed is closed when the rules in force now are replaced.
func (c *Control) Changed() <-chan struct{} { return c.current.Load().replaced }
