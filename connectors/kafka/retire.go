package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"payerflow/tables"
	"payerflow/topologies"
)

const (
	// beginsWithin is how long a router takes at most from looking at the rules
	// to its first record of the transaction.
	beginsWithin = 2 * time.Second
	// transactionsEnd is how long an open transaction is waited for. The broker
	// ends each after its timeout, of 15 minutes at most.
	transactionsEnd = 16 * time.Minute
)

// ErrActive says that a subscription is in force.
var ErrActive = errors.New("the subscription is active: pause or delete it first")

// routers is what the transactional ids of all routers begin with.
var routers = "payerflow." + topologies.Router.Name + "."

// DeleteConsumerTopic deletes the topic of a subscription that is paused,
// deleted or in quarantine, once nothing is on its way there any more. A router
// that does not know of it yet stops within [Fresh]; transactions of routers
// that are open after that are waited for. It is [ErrActive] where the
// subscription is active, or becomes so meanwhile. A topic that does not exist
// is no error.
func (p Provisioned) DeleteConsumerTopic(ctx context.Context, team, name string) error {
	s := tables.Subscription{Team: team, Name: name}
	if err := errors.Join(checkTeam(team), p.inactive(s)); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(Fresh + beginsWithin):
	}
	if err := p.sender.openEnded(ctx, routers); err != nil {
		return err
	}
	if err := p.inactive(s); err != nil {
		return err
	}
	deleted, err := p.sender.admin.DeleteTopics(ctx, s.Topic())
	err = errors.Join(err, deleted.Error())
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("delete topic %s: %w", s.Topic(), err)
	}
	return nil
}

func (p Provisioned) inactive(s tables.Subscription) error {
	rules, err := p.Rules()
	if err != nil {
		return err
	}
	if now, exists := rules.Subscription(s.ID()); exists && now.State == tables.StateActive {
		return ErrActive
	}
	return nil
}

// openEnded returns when every transaction that is open now has ended.
func (c *Client) openEnded(ctx context.Context, prefix string) error {
	open, err := c.open(ctx, prefix)
	if err != nil {
		return err
	}
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		now, err := c.open(ctx, prefix)
		if err != nil {
			return struct{}{}, err
		}
		for id, began := range open {
			if since, still := now[id]; still && since == began {
				return struct{}{}, fmt.Errorf("transaction %s is still open", id)
			}
		}
		return struct{}{}, nil
	}, backoff.WithBackOff(backoff.NewConstantBackOff(100*time.Millisecond)), backoff.WithMaxElapsedTime(transactionsEnd))
	return err
}

// ended are the states of transactions to which nothing is added any more.
var ended = []string{"Empty", "CompleteCommit", "CompleteAbort", "Dead"}

// open are the transactions that have not ended, and when each began.
func (c *Client) open(ctx context.Context, prefix string) (map[string]int64, error) {
	listed, err := c.admin.ListTransactions(ctx, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("transactions: %w", err)
	}
	var ids []string
	for _, t := range listed.Sorted() {
		if strings.HasPrefix(t.TxnID, prefix) && !slices.Contains(ended, t.State) {
			ids = append(ids, t.TxnID)
		}
	}
	out := map[string]int64{}
	if len(ids) == 0 {
		return out, nil
	}
	described, err := c.admin.DescribeTransactions(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("transactions: %w", err)
	}
	described.Each(func(t kadm.DescribedTransaction) {
		if t.Err == nil && !slices.Contains(ended, t.State) {
			out[t.TxnID] = t.StartTimestamp
		}
	})
	return out, nil
}
