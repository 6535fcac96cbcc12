package kafka

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/events"
	"payerflow/topologies"
)

// handledState is what has been done about the dead letters of one topic.
type handledState map[int32]*handledPartition

type handledPartition struct {
	position int64 // everything before it is handled
	acts     map[int64]string
}

func (s handledState) of(partition int32) *handledPartition {
	p := s[partition]
	if p == nil {
		p = &handledPartition{acts: map[int64]string{}}
		s[partition] = p
	}
	return p
}

func (s handledState) act(partition int32, offset int64) (string, bool) {
	p := s[partition]
	if p == nil {
		return "", false
	}
	act, ok := p.acts[offset]
	return act, ok
}

// states reads what has been done about dead letter topics.
func (d *DeadLetters) states(ctx context.Context, c *Client) (map[string]handledState, error) {
	topic := topologies.DeadLetterHandled.Topic.Name
	todo, err := c.spans(ctx, time.Time{}, topic)
	if err != nil {
		return nil, err
	}
	if len(todo) == 0 {
		return nil, fmt.Errorf("%s: %w; see: payerflow topics apply", topic, ErrTopicMissing)
	}
	out := map[string]handledState{}
	err = scanner{brokers: d.Brokers, opts: d.Options}.scan(ctx, todo, func(r *kgo.Record) error {
		e, err := d.handled.Decode(r.Value)
		if err != nil {
			return fmt.Errorf("%s/%d offset %d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		if out[e.DLQ] == nil {
			out[e.DLQ] = handledState{}
		}
		p := out[e.DLQ].of(e.Partition)
		p.position = max(p.position, e.Position)
		if e.Act != events.DeadLettersPassed {
			p.acts[e.Offset] = e.Act
		}
		return nil
	})
	return out, err
}

// openAll finds what is to be read of dead letter topics, and what has been
// done about them. What lies before the positions is left out unless it is
// asked for by open.
func (d *DeadLetters) openAll(ctx context.Context, topics []string) (spans, map[string]handledState, error) {
	if err := d.bind(); err != nil {
		return nil, nil, err
	}
	c, err := Dial(ctx, d.Brokers, d.Options...)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	if len(topics) == 0 {
		if topics, err = c.dlqs(ctx); err != nil {
			return nil, nil, err
		}
	}
	todo, err := c.spans(ctx, time.Time{}, topics...)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range topics {
		if todo[t] == nil {
			return nil, nil, fmt.Errorf("%s: %w", t, ErrTopicMissing)
		}
	}
	states, err := d.states(ctx, c)
	return todo, states, err
}

// open does so for one topic. Its spans begin where something is not handled
// yet, or with all at the oldest dead letter.
func (d *DeadLetters) open(ctx context.Context, dlq string, all bool) (spans, handledState, error) {
	todo, states, err := d.openAll(ctx, []string{dlq})
	if err != nil {
		return nil, nil, err
	}
	state := states[dlq]
	if state == nil {
		state = handledState{}
	}
	if !all {
		todo.skip(dlq, state)
	}
	return todo, state, nil
}

// skip leaves out what lies before the positions.
func (s spans) skip(topic string, state handledState) {
	for p, part := range s[topic] {
		part.from = min(max(part.from, state.of(p).position), part.to)
		s[topic][p] = part
	}
}

// dlqs are the dead letter topics of the cluster.
func (c *Client) dlqs(ctx context.Context) (names []string, err error) {
	topics, err := c.admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	for _, name := range topics.Names() {
		if strings.HasSuffix(name, dlqSuffix) {
			names = append(names, name)
		}
	}
	return names, nil
}
