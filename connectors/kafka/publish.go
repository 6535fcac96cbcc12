package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
)

// Publisher checks JSON bodies and writes them to their domain topics. It is
// for one goroutine.
type Publisher struct {
	client  *Client
	bodies  *codecs.Bodies
	topicOf func(eventType string) (topology.Topic, bool)
}

// NewPublisher publishes through c, with schema ids from s. topicOf finds the
// domain topic of an event type.
func NewPublisher(c *Client, s topology.Schemas, topicOf func(string) (topology.Topic, bool)) *Publisher {
	return &Publisher{client: c, bodies: codecs.NewBodies(s), topicOf: topicOf}
}

// Envelope is what goes with a body.
type Envelope struct {
	ID        string // event identity, "" to let it follow from the value
	Synthetic bool
}

// Coordinates say where a record is.
type Coordinates struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// FaultsError holds every fault of a body.
type FaultsError struct{ Faults []events.Fault }

func (e *FaultsError) Error() string {
	return fmt.Sprintf("%d faults, the first: %s %s: %s", len(e.Faults), e.Faults[0].ReasonCode, e.Faults[0].At, e.Faults[0].Reason)
}

// Publish sends one body and calls done once, when all in-sync replicas have
// it or it failed. The error that it returns is of the body: nothing was sent.
func (p *Publisher) Publish(ctx context.Context, doc []byte, env Envelope, done func(Coordinates, error)) error {
	body, faults := codecs.CheckBody(doc)
	if len(faults) > 0 {
		return &FaultsError{faults}
	}
	eventType, _ := body["eventType"].(string)
	topic, ok := p.topicOf(eventType)
	if !ok {
		return &FaultsError{[]events.Fault{{ReasonCode: events.UnknownEventType, At: "/eventType", Reason: "no domain topic carries the event type"}}}
	}
	key, _ := body[topic.KeyField].(string)
	if key == "" {
		return &FaultsError{[]events.Fault{{ReasonCode: events.MissingField, At: "/" + topic.KeyField, Reason: "the topic's key field"}}}
	}
	value, err := p.bodies.Encode(topic, body)
	if err != nil {
		return err
	}
	r := &kgo.Record{Topic: topic.Name, Key: []byte(key), Value: value, Timestamp: time.Now()}
	if env.ID != "" {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: topology.HeaderID, Value: []byte(env.ID)})
	}
	if env.Synthetic {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: topology.HeaderSynthetic, Value: []byte("true")})
	}
	p.client.kafka.Produce(ctx, r, func(r *kgo.Record, err error) {
		if err != nil {
			err = fmt.Errorf("publish to %s: %w", r.Topic, err)
		}
		done(Coordinates{r.Topic, r.Partition, r.Offset}, err)
	})
	return nil
}

// Flush waits until everything that was published is done.
func (p *Publisher) Flush(ctx context.Context) error { return p.client.kafka.Flush(ctx) }
