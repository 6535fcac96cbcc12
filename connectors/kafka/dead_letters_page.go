package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"

	"payerflow/processors"
)

// Topics are the dead letter topics that the cluster has, in name order.
func (d *DeadLetters) Topics(ctx context.Context) ([]string, error) {
	c, err := Dial(ctx, d.Brokers, d.Options...)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.dlqs(ctx)
}

// Page is at most limit dead letters behind a place, in the order of partition
// and offset, and whether there are more. Handled ones are among them where all
// is true.
func (d *DeadLetters) Page(ctx context.Context, dlq string, after *processors.Place, f processors.DeadLetterFilter, all bool, limit int) (page []DeadLetter, more bool, err error) {
	choice, err := f.Choice()
	if err != nil {
		return nil, false, err
	}
	todo, state, err := d.open(ctx, dlq, all)
	if err != nil {
		return nil, false, err
	}
	for _, p := range slices.Sorted(maps.Keys(todo[dlq])) {
		part := todo[dlq][p]
		if after != nil && p < after.Partition {
			continue
		}
		if after != nil && p == after.Partition {
			part.from = max(part.from, after.Offset+1)
		}
		err := d.each(ctx, spans{dlq: {p: part}}, state, func(dl DeadLetter) error {
			if dl.State != Waiting && !all {
				return nil
			}
			yes, err := choice.Takes(ctx, dl.facts)
			if err != nil || !yes {
				return err
			}
			if more = len(page) == limit; more {
				return errEnough
			}
			page = append(page, dl)
			return nil
		})
		if errors.Is(err, errEnough) {
			break
		}
		if err != nil {
			return nil, false, err
		}
	}
	return page, more, nil
}
