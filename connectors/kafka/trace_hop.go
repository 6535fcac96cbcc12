package kafka

import (
	"bytes"
	"errors"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

// hop says whether a record is of the event, and what it is then.
func (t *Tracer) hop(r *kgo.Record) (Hop, bool, error) {
	h := Hop{Stage: stageOf(r.Topic), Coordinates: Coordinates{r.Topic, r.Partition, r.Offset}, Time: r.Timestamp.UTC()}
	id := ""
	for _, header := range r.Headers {
		switch header.Key {
		case topology.HeaderID:
			id = string(header.Value)
		case topology.HeaderRedriven:
			h.Redriven = string(header.Value)
		case processors.HeaderOrigin:
			h.ours = true
		}
	}
	switch h.Stage {
	case StageRow, StageDelivered, StageHandled: // they name events, in texts of Avro or as their key
		key, _ := topology.EntityKey(string(r.Key))
		return h, topology.IdentityOf(key) == t.id || bytes.Contains(r.Value, []byte(t.id)), nil
	case StageDLQ:
		return t.dead(h, r)
	case StageDomain:
		if id == "" {
			return t.nameless(h, r)
		}
	case StageFirehose, StageConsumer:
		if id == "" { // the envelope's own
			return h, bytes.Contains(r.Value, []byte(t.id)), nil
		}
	}
	return h, id == t.id, nil
}

// dead looks into a dead letter.
func (t *Tracer) dead(h Hop, r *kgo.Record) (Hop, bool, error) {
	if !bytes.Contains(r.Value, []byte(t.id)) {
		return h, false, nil
	}
	d, err := t.letters.Decode(r.Value)
	if errors.Is(err, topology.ErrUnavailable) {
		return h, false, err
	}
	found := d.Metadata.EventID != nil && *d.Metadata.EventID == t.id
	for _, header := range d.OriginalHeaders {
		found = found || header.Key == topology.HeaderID && string(header.Value) == t.id
	}
	h.Code = d.Metadata.ReasonCode
	return h, found && err == nil, nil
}

// nameless works out the identity of a record that was sent without one.
func (t *Tracer) nameless(h Hop, r *kgo.Record) (Hop, bool, error) {
	serde := t.open[r.Topic]
	if serde == nil || len(r.Key) == 0 {
		return h, false, nil
	}
	e, err := serde.Decode(r.Value)
	if err != nil {
		if errors.Is(err, topology.ErrUnavailable) {
			return h, false, err
		}
		return h, false, nil // it will be in a dead letter topic
	}
	digest, err := serde.Digest(e)
	return h, err == nil && topology.UUIDv5(r.Topic, string(r.Key), digest) == t.id, nil
}

func stageOf(topic string) string {
	_, domain := topologies.TopicOf(topic)
	switch {
	case domain:
		return StageDomain
	case topic == topologies.Firehose.Topic.Name:
		return StageFirehose
	case topic == topologies.EventDelivered.Topic.Name:
		return StageDelivered
	case topic == handledTopic:
		return StageHandled
	case strings.HasSuffix(topic, dlqSuffix):
		return StageDLQ
	case strings.HasSuffix(topic, "-table"):
		return StageRow
	case strings.HasSuffix(topic, "-repartition"):
		return StageRepartition
	case strings.HasPrefix(topic, tables.ConsumerTopicPrefix):
		return StageConsumer
	}
	return StageOther
}
