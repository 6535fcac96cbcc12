package codecs

import (
	"fmt"

	"github.com/hamba/avro/v2"

	"payerflow/internal/topology"
)

// Bodies turns checked JSON bodies into the values of their domain topics.
type Bodies struct {
	schemas topology.Schemas
	topics  map[string]typedTopic
}

type typedTopic struct {
	schema avro.Schema
	id     int
}

// NewBodies asks s for the ids under which values are written. A Bodies is for
// one goroutine.
func NewBodies(s topology.Schemas) *Bodies {
	return &Bodies{schemas: s, topics: map[string]typedTopic{}}
}

// Encode writes a body that CheckBody returned as the value of a topic.
func (b *Bodies) Encode(topic topology.Topic, body map[string]any) ([]byte, error) {
	t, ok := b.topics[topic.Name]
	if !ok {
		text, err := AvroSchema(topic.Name)
		if err != nil {
			return nil, err
		}
		if t.schema, err = parse(text); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", topic.Name, err)
		}
		if t.id, err = b.schemas.ID(topic.Subject(), text); err != nil {
			return nil, err
		}
		b.topics[topic.Name] = t
	}
	v, err := FromJSON(t.schema, body)
	if err != nil {
		return nil, err
	}
	if value := Frame(t.id, v); len(value) <= topic.MaxMessageBytes {
		return value, nil
	}
	return nil, tooLarge(topic.MaxMessageBytes)
}
