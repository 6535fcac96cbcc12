package kafka

import (
	"encoding/json"
	"strings"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/topologies"
)

// Reasons for which a reader sees nothing of a payload.
const (
	Unreadable = "the payload does not decode: nothing of it is shown"
	Withheld   = "the payload cannot be redacted: nothing of it is shown"
)

// Redacted is the dead letter as a reader may see it, whose mask for an event
// type is given; a mask that is nil shows nothing. Of what cannot be masked, as
// headers and all that does not decode, nothing is left, and Fault says so.
func (dl DeadLetter) Redacted(mask func(eventType string) *processors.Mask) DeadLetter {
	key, id := dl.Key, dl.Metadata.EventID
	out := DeadLetter{At: dl.At, Metadata: dl.Metadata, Payload: json.RawMessage("null"), State: dl.State, Fault: Unreadable}
	out.Metadata.EventID = nil
	if dl.Fault != "" || dl.Metadata.ReasonCode == unreadable {
		return out
	}
	out.Fault = Withheld
	topic := strings.TrimSuffix(dl.At.Topic, dlqSuffix)
	e, ok := dl.event(topic)
	if !ok {
		return out
	}
	same := string(e.Key) == key
	m := mask(string(e.Type))
	if m == nil {
		return out
	}
	seen, err := m.Envelope(e)
	if err != nil {
		return out
	}
	doc := []byte(seen.Body)
	if enveloped(topic) {
		if doc, err = json.Marshal(seen); err != nil {
			return out
		}
	}
	out.Payload, out.Fault = doc, ""
	if same { // another key than the event's is of no class
		out.Key = string(seen.Key)
	}
	if id != nil && *id == e.ID {
		out.Metadata.EventID = &seen.ID
	}
	return out
}

// event is the payload as an event; false where it is none.
func (dl DeadLetter) event(topic string) (e events.Envelope, ok bool) {
	if enveloped(topic) {
		return e, json.Unmarshal(dl.Payload, &e) == nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(dl.Payload, &fields) != nil || json.Unmarshal(fields["eventType"], &e.Type) != nil {
		return e, false
	}
	t, known := topologies.TopicOf(topic)
	if known {
		_ = json.Unmarshal(fields[t.KeyField], &e.Key) // no text: the key is another
	}
	e.Body = events.Body(dl.Payload)
	if dl.Metadata.EventID != nil {
		e.ID = *dl.Metadata.EventID
	}
	return e, true
}
