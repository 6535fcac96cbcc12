package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// Change writes a control event and returns what the own tail made of it. One
// that would be refused now is not written: its outcome has the offset -1. The
// error wraps topology.ErrUnavailable where the outcome is not known: the
// change may still come into force.
func (c *Control) Change(ctx context.Context, e events.Control) (processors.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	rules, err := c.Rules()
	if err != nil {
		return processors.Outcome{}, err
	}
	if faults := rules.Check(e); len(faults) > 0 {
		return processors.Outcome{Offset: -1, Version: rules.Version(e.Kind, e.Name), Faults: faults}, nil
	}
	value, err := c.serde.Encode(e)
	if err != nil {
		return processors.Outcome{}, fmt.Errorf("control event: %w", err)
	}
	c.begin()
	defer c.done()
	at, err := c.sender.sendControl(ctx, e, value)
	if err != nil {
		return processors.Outcome{}, fmt.Errorf("write the control event: %w", away(err))
	}
	return c.outcome(ctx, at)
}

// away makes every failure to write one that passes.
func away(err error) error { return errors.Join(topology.ErrUnavailable, err) }

func (c *Client) sendControl(ctx context.Context, e events.Control, value []byte) (int64, error) {
	r := &kgo.Record{Topic: topologies.Control.Topic.Name, Key: []byte(e.Subject()), Value: value, Timestamp: time.Now()}
	err := c.kafka.ProduceSync(ctx, r).FirstErr()
	return r.Offset, err
}

func (c *Control) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting++
}

func (c *Control) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting--; c.waiting == 0 {
		clear(c.outcomes)
	}
}

// outcome waits until the tail has passed an offset.
func (c *Control) outcome(ctx context.Context, offset int64) (processors.Outcome, error) {
	for {
		c.mu.Lock()
		o, ok := c.outcomes[offset]
		folded := c.folded
		c.mu.Unlock()
		if ok {
			return o, nil
		}
		select {
		case <-ctx.Done():
			return o, fmt.Errorf("the change is written, and not folded yet: %w", away(ctx.Err()))
		case <-folded:
		}
	}
}
