package kafka

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
	"payerflow/tables"
	"payerflow/topologies"
)

// payloads reads and mends the values of topics. It is for one goroutine.
type payloads struct {
	generic  *codecs.Generic
	bodies   *codecs.Bodies
	envelope topology.Serde[events.Envelope]
}

func newPayloads(s topology.Schemas) (*payloads, error) {
	topic := topologies.Firehose.Topic.Name
	envelope, err := topologies.Firehose.Codec.Bind(s, topic)
	if err != nil {
		return nil, fmt.Errorf("codec of %s: %w", topic, err)
	}
	return &payloads{codecs.NewGeneric(s), codecs.NewBodies(s), envelope}, nil
}

// enveloped says whether a topic carries envelopes.
func enveloped(topic string) bool {
	return topic == topologies.Firehose.Topic.Name || strings.HasPrefix(topic, tables.ConsumerTopicPrefix)
}

// show gives the JSON of a value, or null and why there is none. The error is
// not of the value: the registry could not be asked.
func (p *payloads) show(topic string, value []byte) (doc json.RawMessage, fault string, err error) {
	null := json.RawMessage("null")
	if value == nil {
		return null, "no value", nil
	}
	if enveloped(topic) {
		var e events.Envelope
		if e, err = p.envelope.Decode(value); err == nil && json.Valid([]byte(e.Body)) {
			doc, err = json.Marshal(e)
		} else if err == nil {
			err = errors.New("the body is not JSON")
		}
	} else {
		doc, err = p.generic.Decode(value)
	}
	if errors.Is(err, topology.ErrUnavailable) {
		return null, "", err
	}
	if err != nil {
		return null, err.Error(), nil //nolint:nilerr // the fault is part of what is shown
	}
	return doc, "", nil
}

// ErrNotMended says that a payload cannot be changed.
var ErrNotMended = errors.New("the payload cannot be mended")

// mend writes a changed payload as the value of its topic, with its key. The
// error is a FaultsError where the result is not one that the topic takes.
func (p *payloads) mend(topic string, doc []byte) (key, value []byte, err error) {
	if enveloped(topic) {
		return p.mendEnvelope(doc)
	}
	t, ok := topologies.TopicOf(topic)
	if !ok {
		return nil, nil, fmt.Errorf("%w: %s carries no events of the catalogue", ErrNotMended, topic)
	}
	body, faults := codecs.CheckBody(doc)
	if len(faults) > 0 { // Avro has written null for what is absent
		body, faults = codecs.CheckBody(withoutNulls(doc))
	}
	if len(faults) > 0 {
		return nil, nil, &FaultsError{faults}
	}
	text, _ := body[t.KeyField].(string)
	if text == "" {
		return nil, nil, &FaultsError{[]events.Fault{{ReasonCode: events.MissingField, At: "/" + t.KeyField, Reason: "the topic's key field"}}}
	}
	if value, err = p.bodies.Encode(t, body); err != nil {
		return nil, nil, err
	}
	return []byte(text), value, nil
}

func (p *payloads) mendEnvelope(doc []byte) (key, value []byte, err error) {
	var e events.Envelope
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	if d.Decode(&e) != nil {
		return nil, nil, &FaultsError{[]events.Fault{{ReasonCode: "INVALID_JSON", Reason: "the result is not an envelope"}}}
	}
	var fault *events.Fault
	if err := e.Validate(); errors.As(err, &fault) {
		return nil, nil, &FaultsError{[]events.Fault{*fault}}
	}
	if e.Digest != "" { // of a redacted copy there is none
		if e.Digest, err = codecs.Digest(e.Type, e.Key, e.Body); err != nil {
			return nil, nil, &FaultsError{[]events.Fault{{ReasonCode: "INVALID_JSON", At: "/body", Reason: "the body has no canonical form"}}}
		}
	}
	if value, err = p.envelope.Encode(e); err != nil {
		return nil, nil, err
	}
	return []byte(e.Key), value, nil
}

func withoutNulls(doc []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(doc, &fields) != nil {
		return doc
	}
	for name, v := range fields {
		if string(v) == "null" {
			delete(fields, name)
		}
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return doc
	}
	return out
}

// MergePatch reads a JSON merge patch (RFC 7396), and returns what applies it.
func MergePatch(patch []byte) (func(DeadLetter) ([]byte, error), error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(patch, &fields) != nil {
		return nil, errors.New("the patch is not a JSON object")
	}
	return func(dl DeadLetter) ([]byte, error) {
		out, err := jsonpatch.MergePatch(dl.Payload, patch)
		if err != nil {
			return nil, fmt.Errorf("%w: the patch does not fit", ErrNotMended)
		}
		return out, nil
	}, nil
}
