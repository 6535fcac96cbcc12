package main

import (
	"context"
	"time"

	"payerflow/connectors/refill"
	"payerflow/connectors/store"
	"payerflow/internal/verify"
)

// storeToVerify shows the auditor what the event store holds.
type storeToVerify struct {
	*refill.Refill
	wait time.Duration
}

// Days waits for the sink first: what it has yet to store is no difference.
func (s storeToVerify) Days(ctx context.Context, topic string, partition int32, from, to int64) (map[verify.Day]verify.DaySum, error) {
	wait, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	if err := s.Stored(wait, topic, partition, to); err != nil {
		return nil, err
	}
	days := map[verify.Day]verify.DaySum{}
	return days, s.Each(ctx, topic, partition, from, to, func(r store.Record) error {
		day := verify.DayOf(r.Time)
		sum := days[day]
		days[day] = verify.DaySum{Count: sum.Count + 1, Sum: sum.Sum + verify.RecordSum(r.Offset, r.Key, r.Value)}
		return nil
	})
}

// verifyStored compares topics with the event store.
func (a *app) verifyStored(ctx context.Context, log *verify.Log, wait time.Duration) (c *verify.Check, err error) {
	err = a.withRefill("reading the event store", func(r *refill.Refill) (err error) {
		c, err = log.Stored(ctx, storeToVerify{r, wait}, refill.Whole())
		return err
	})
	return c, err
}
