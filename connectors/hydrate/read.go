package hydrate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"payerflow/codecs"
	"payerflow/connectors/store"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/processors"
	"payerflow/topologies"
)

// SchemasTopic is where the registry keeps its schemas.
const SchemasTopic = "_schemas"

// Topics are those whose records are stored, where the cluster has them: what
// came in, who was told which rules, what was done and seen, what could not be
// taken, and the schemas. All else follows from them.
func Topics() []string {
	names := []string{SchemasTopic}
	for _, t := range topologies.Catalogue {
		names = append(names, t.Name)
	}
	for _, s := range []topology.Topic{topologies.Firehose.Topic, topologies.Control.Topic, topologies.Routed.Topic, topologies.DeadLetterHandled.Topic,
		topologies.AuditReceived.Topic, topologies.AuditChain.Topic, topologies.AuditHead.Topic} {
		names = append(names, s.Name)
	}
	for _, t := range topologies.Topics() {
		if strings.HasSuffix(t.Name, ".dlq") {
			names = append(names, t.Name)
		}
	}
	return names
}

// Managed says how long topics keep their records where the event store has
// them too: the brokers delete nothing, and the expirer does when they are held.
func Managed() map[string]time.Duration {
	days := map[string]time.Duration{}
	stored := Topics()
	for _, t := range topologies.Topics() {
		if t.Cleanup == topology.Delete && t.Retention > 0 && slices.Contains(stored, t.Name) {
			days[t.Name] = t.Retention
		}
	}
	return days
}

// Reader turns records of topics into those of the store. It is for one
// goroutine.
type Reader struct {
	envelope topology.Serde[events.Envelope]
	open     map[string]topology.Serde[events.Typed]
}

// NewReader binds the codecs of all topics that hold events.
func NewReader(s topology.Schemas) (*Reader, error) {
	r := &Reader{open: map[string]topology.Serde[events.Typed]{}}
	topic := topologies.Firehose.Topic.Name
	var err error
	if r.envelope, err = topologies.Firehose.Codec.Bind(s, topic); err != nil {
		return nil, fmt.Errorf("codec of %s: %w", topic, err)
	}
	for _, t := range topologies.Catalogue {
		if r.open[t.Name], err = codecs.NewOpen(t).Bind(s, t.Name); err != nil {
			return nil, fmt.Errorf("codec of %s: %w", t.Name, err)
		}
	}
	return r, nil
}

// Record is what the store keeps. What does not decode is kept as it is, and
// found by its place alone. The error is of the registry: try again.
func (r *Reader) Record(rec *kgo.Record, incarnation int) (store.Record, error) {
	out := asIs(rec, incarnation)
	e, ok, err := r.event(rec)
	if ok {
		out.Event = &store.Event{ID: e.ID, Type: string(e.Type), Subject: string(e.Key), Tags: e.Tags, At: e.At.Time(), Transaction: e.TransactionID,
			User: string(e.UserID), Source: e.SourceSystem, Synthetic: e.Synthetic, Body: e.Body}
	}
	return out, err
}

// event is what a record carries, false where that is none.
func (r *Reader) event(rec *kgo.Record) (e events.Envelope, ok bool, err error) {
	switch serde := r.open[rec.Topic]; {
	case rec.Value == nil:
		return e, false, nil
	case rec.Topic == topologies.Firehose.Topic.Name:
		e, err = r.envelope.Decode(rec.Value)
	case serde != nil:
		e, err = typed(serde, rec)
	default:
		return e, false, nil
	}
	if errors.Is(err, topology.ErrUnavailable) {
		return e, false, err
	}
	return e, err == nil, nil
}

// typed reads a record of a domain topic as the router does.
func typed(serde topology.Serde[events.Typed], rec *kgo.Record) (events.Envelope, error) {
	body, err := serde.Decode(rec.Value)
	if err != nil {
		return events.Envelope{}, err
	}
	raw := &topology.Raw{Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset, Key: rec.Key, Value: rec.Value, Timestamp: rec.Timestamp}
	for _, h := range rec.Headers {
		raw.Headers = append(raw.Headers, topology.Header{Key: h.Key, Value: h.Value})
	}
	id := string(raw.Header(topology.HeaderID))
	if id == "" {
		digest, err := serde.Digest(body)
		if err != nil {
			return events.Envelope{}, err
		}
		id = topology.UUIDv5(rec.Topic, string(rec.Key), digest)
	}
	return processors.Received(topology.Record[events.Typed]{Key: string(rec.Key), At: rec.Timestamp, Body: body, Source: raw,
		Synthetic: string(raw.Header(topology.HeaderSynthetic)) == "true", ID: func() string { return id }}), nil
}
