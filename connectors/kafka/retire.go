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
)

const (
	// FreshFor is how old the rules may be that a router begins a transaction
	// with: docs/adr/0007-mediator.md.
	FreshFor = 5 * time.Second
	// beginsWithin is how long a router takes at most from looking at the rules
	// to its first record of the transaction.
	beginsWithin = 2 * time.Second
	// transactionsEnd is how long an open transaction is waited for. The broker
	// ends each after its timeout, of 15 minutes at most.
	transactionsEnd = 16 * time.Minute
)

// ErrActive says that a subscription is in force.
var ErrActive = errors.New("the subscription is active: pause or delete it first")

// DeleteConsumerTopic deletes the topic of a subscription once nothing is on
// its way there any more. The caller has just seen that the subscription is
// paused or deleted, at the end of the control log. From then on a router that
// does not know it yet stops within [FreshFor]; transactions with ids of the
// routers' prefix that are open after that are waited for. A topic that does
// not exist is no error.
func (c *Client) DeleteConsumerTopic(ctx context.Context, s tables.Subscription, routers string) error {
	if err := checkTeam(s.Team); err != nil {
		return err
	}
	if s.State == tables.StateActive {
		return ErrActive
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(FreshFor + beginsWithin):
	}
	if err := c.openEnded(ctx, routers); err != nil {
		return err
	}
	deleted, err := c.admin.DeleteTopics(ctx, s.Topic())
	err = errors.Join(err, deleted.Error())
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("delete topic %s: %w", s.Topic(), err)
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
