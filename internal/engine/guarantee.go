package engine

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// consumption is how a batch begins and ends on the broker.
type consumption interface {
	PollRecords(ctx context.Context, most int) kgo.Fetches
	AllowRebalance()
	Begin() error
	// End commits the positions of all that was polled, with what was produced,
	// or takes the positions back. It says whether it committed.
	End(ctx context.Context, how kgo.TransactionEndTry) (committed bool, err error)
	CloseAllowingRebalance()
}

// open makes the client of one run, for the guarantee that is configured.
func (cfg Config) open(transactionalID string, opts []kgo.Opt) (consumption, *kgo.Client, error) {
	if cfg.AtLeastOnce {
		c, err := kgo.NewClient(append(opts, kgo.DisableAutoCommit())...)
		return atLeastOnce{c}, c, err
	}
	s, err := kgo.NewGroupTransactSession(append(opts,
		kgo.TransactionalID(transactionalID), kgo.TransactionTimeout(cfg.TransactionTimeout))...)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Client(), nil
}

// atLeastOnce is for brokers without transactions: a batch's positions are
// committed after all that it produced is acknowledged, so what is committed
// is always a prefix of what took effect. A batch that a crash cuts short is
// folded again, on rows that may hold some of it already.
type atLeastOnce struct{ *kgo.Client }

// Begin is free: there is nothing to open.
func (atLeastOnce) Begin() error { return nil }

// End commits what was polled; polling goes on behind what is committed.
func (c atLeastOnce) End(ctx context.Context, how kgo.TransactionEndTry) (bool, error) {
	if how == kgo.TryAbort {
		c.SetOffsets(c.CommittedOffsets())
		return false, nil
	}
	if err := c.CommitUncommittedOffsets(ctx); err != nil {
		return false, fmt.Errorf("commit positions: %w", err)
	}
	return true, nil
}
