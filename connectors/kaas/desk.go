// Package kaas answers: how does what was decided about a request for a topic
// happen outside: a mail, a topic, an event at the door? And how does an
// approver's mail become an answer?
package kaas

import (
	"context"
	"errors"
	"fmt"

	"payerflow/connectors/kafka"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

// Desk does what was ordered. Everything may be done twice: a mail has the
// order's identity as its Message-ID, a topic that is there as it was asked for
// stays, an event has the order's identity.
type Desk struct {
	Approver string
	Mail     Mailer
	Replies  Replies
	Cluster  *kafka.Client
	Door     Door
}

// ErrOtherTopic says that the cluster has a topic of this name with other
// settings.
var ErrOtherTopic = errors.New("a topic of this name is there, with other settings")

// Do is the effect of the group topic-orders. A synthetic order mails nothing
// and makes nothing; its event goes the same way.
func (d *Desk) Do(ctx context.Context, e topology.Effect) error {
	o, ok := e.Event.(events.TopicOrdered)
	if !ok {
		return errors.New("not an order")
	}
	body := map[string]any{"requestId": o.RequestID, "topicName": o.TopicName}
	told := Event{ID: e.ID, TransactionID: o.TransactionID, Synthetic: o.Synthetic, Body: body}
	switch o.Act {
	case events.OrderAsk:
		told.Type, body["messageId"] = events.TypeApprovalAsked, messageID(e.ID)
		if !o.Synthetic {
			if err := d.Mail.Send(ctx, d.letter(e.ID, o)); err != nil {
				return fmt.Errorf("mail: %w", err)
			}
		}
	case events.OrderCreate:
		told.Type, body["partitions"] = events.TypeTopicCreated, o.Partitions
		if !o.Synthetic {
			if err := d.create(ctx, topologies.RequestedTopic(o)); err != nil {
				return err
			}
		}
	case events.OrderExpire:
		told.Type, body["dueAt"] = events.TypeApprovalMissed, o.DueAt.String()
	default:
		return fmt.Errorf("nothing is known to do for %s", o.Act)
	}
	return d.Door.Publish(ctx, told)
}

// create makes the topic. One that is there is taken for ours where it is as
// it was asked for.
func (d *Desk) create(ctx context.Context, t topology.Topic) error {
	n, err := d.Cluster.Brokers(ctx)
	if err != nil {
		return err
	}
	r := kafka.Required.CappedTo(n)
	changes, err := d.Cluster.Diff(ctx, []topology.Topic{t}, r)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if c.Kind != kafka.Create {
			return ErrOtherTopic
		}
	}
	return d.Cluster.Apply(ctx, changes, r, func(kafka.Change) {})
}
