package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/time/rate"

	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// redelivery is one run.
type redelivery struct {
	d        Redeliverer
	req      Redelivery
	progress func(Redelivered)
	client   *Client // asks
	writer   *kgo.Client
	bound    *topology.Bound
	stepper  *topology.Stepper
	base     *processors.Redelivery
	pinned   *processors.Redelivery
	inputs   map[string]int // of the router, by topic
	parts    int            // of the topic that is written
	limit    *rate.Limiter
	seam     spans                      // where partitions begin now
	state    Redelivered                // as it will be when the batch is written
	done     map[string]map[int32]int64 // up to where an earlier run was: nothing is written again
	seen     map[[16]byte]int64         // events that were delivered: time stamp in milliseconds
	batch    []*kgo.Record
	bytes    int
	since    time.Time // when the batch began
}

// open checks the request, and connects.
func (r *redelivery) open(ctx context.Context) (err error) {
	sub, err := r.subscription()
	if err != nil {
		return err
	}
	topic := sub.Topic()
	if r.req.Topic != "" {
		if topic = r.req.Topic; !theirs(sub, topic) {
			return undeliverable(NotTheirs, "%s is not a topic of team %s alone: take one that begins with consumer.%s.", topic, sub.Team, sub.Team)
		}
	}
	r.state = Redelivered{ID: r.req.ID, Subscription: sub.ID(), Topic: topic, State: RedeliveryRuns, From: r.req.Choice.From, To: r.req.Choice.To,
		By: r.req.By, Why: r.req.Why, Started: time.Now().UTC(), PassedOver: map[string]int64{}}
	if r.base, err = processors.NewRedelivery(r.req.ID, r.req.Choice); err != nil {
		return err
	}
	if r.bound, err = topology.Bind(topologies.Redelivery.Declare(), r.d.Schemas); err != nil {
		return err
	}
	r.stepper, r.inputs = r.bound.Stepper(0), map[string]int{}
	for i, in := range r.bound.Inputs {
		r.inputs[in.Topic.Name] = i
	}
	if r.req.Rate > 0 {
		r.limit = rate.NewLimiter(rate.Limit(r.req.Rate), redriveRecords)
		r.limit.AllowN(time.Now(), redriveRecords) // begins with nothing saved
	}
	if r.client, err = Dial(ctx, r.d.Brokers, r.d.Options...); err != nil {
		return err
	}
	if r.parts, err = r.client.partitions(ctx, topic); err != nil {
		r.close()
	}
	return err
}

// theirs says whether a topic can be read by the subscription's team alone, and
// belongs to no other subscription.
func theirs(sub tables.Subscription, topic string) bool {
	prefix := tables.Subscription{Team: sub.Team}.Topic()
	return len(topic) > len(prefix) && topic[:len(prefix)] == prefix
}

func (r *redelivery) subscription() (tables.Subscription, error) {
	rules, err := r.d.Rules()
	if err != nil {
		return tables.Subscription{}, err
	}
	sub, ok := rules.Subscription(r.req.Subscription)
	switch {
	case !ok:
		return sub, undeliverable(NoSubscription, "there is no subscription %s", r.req.Subscription)
	case sub.State != tables.StateActive:
		return sub, undeliverable(NotActive, "subscription %s is %s", sub.ID(), sub.State)
	}
	for _, other := range rules.Subscriptions() {
		if r.req.Topic != "" && other.ID() != sub.ID() && other.Topic() == r.req.Topic {
			return sub, undeliverable(NotTheirs, "%s is the topic of subscription %s", r.req.Topic, other.ID())
		}
	}
	return sub, nil
}

// partitions is how many a topic has, or ErrTopicMissing.
func (c *Client) partitions(ctx context.Context, topic string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	details, err := c.admin.ListTopics(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("topic %s: %w", topic, err)
	}
	n := len(details[topic].Partitions)
	if details[topic].Err != nil || n == 0 {
		return 0, fmt.Errorf("%s: %w", topic, ErrTopicMissing)
	}
	return n, nil
}

func (r *redelivery) close() {
	if r.writer != nil {
		r.writer.Close()
	}
	if r.client != nil {
		r.client.Close()
	}
}

// begin ends what an earlier run left open, and finds out what is to be read.
func (r *redelivery) begin(ctx context.Context) (err error) {
	if !r.req.DryRun {
		r.writer, err = transacting(r.d.Brokers, "payerflow-redeliver", "payerflow.redeliver."+r.req.ID, r.d.Options)
		if err != nil {
			return err
		}
		if _, _, err = r.writer.ProducerID(ctx); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		all, err := r.d.All(ctx) // after that: whoever was there before has ended
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(all, func(d Redelivered) bool { return d.ID == r.req.ID }); i >= 0 {
			if err := r.goOn(all[i]); err != nil {
				return err
			}
		}
	}
	if r.seam, err = r.client.spans(ctx, time.Time{}, r.sources()...); err != nil {
		return err
	}
	if r.state.Spans == nil {
		if err := r.span(ctx); err != nil {
			return err
		}
	}
	r.state.At = map[string]map[int32]int64{}
	return r.complete(ctx)
}

// goOn goes on with what an earlier run had begun: with its spans and times.
func (r *redelivery) goOn(before Redelivered) (err error) {
	if before.State == RedeliveryIsDone {
		return undeliverable(RedeliveryDone, "this was delivered on %s; --again delivers it once more", before.Updated.Format(time.RFC3339))
	}
	r.done, before.By, before.Why = before.At, r.req.By, r.req.Why
	r.state = before
	r.req.Choice.From, r.req.Choice.To = before.From, before.To
	r.base, err = processors.NewRedelivery(r.req.ID, r.req.Choice)
	return err
}

// transacting is a client for transactions of one at a time.
func transacting(brokers []string, client, id string, opts []kgo.Opt) (*kgo.Client, error) {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.ClientID(client),
		kgo.TransactionalID(id), kgo.TransactionTimeout(redriveTimeout),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerBatchMaxBytes(maxRecordBytes), kgo.RecordDeliveryTimeout(redriveTimeout)}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	return c, nil
}
