package stored

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"payerflow/connectors/store"
	"payerflow/events"
	"payerflow/processors"
)

// Held is one record of an event, as the caller may see it.
type Held struct {
	Topic       string          `json:"topic"`
	Incarnation int             `json:"incarnation" doc:"Which life of the topic: it counts up when a topic is made anew"`
	Partition   int32           `json:"partition"`
	Offset      int64           `json:"offset"`
	Time        time.Time       `json:"time" doc:"Time stamp of the record"`
	ID          string          `json:"id"`
	Type        string          `json:"eventType"`
	Key         string          `json:"key" doc:"Or a keyed hash, where it may not be seen"`
	Tags        []string        `json:"tags"`
	At          events.Instant  `json:"eventTime"`
	Transaction string          `json:"transactionId"`
	User        string          `json:"userId"`
	Source      string          `json:"sourceSystem"`
	Synthetic   bool            `json:"synthetic"`
	Body        json.RawMessage `json:"body" doc:"Redacted; null where nothing of it may be seen"`
}

// mask is what the reader sees of a type, nil for nothing.
func (r reader) mask(eventType string) *processors.Mask {
	if !r.Scopes.Admin && !r.MaySubscribe(eventType) {
		return nil
	}
	return r.rules.MaskWith(r.Team, r.Application, eventType, r.opened)
}

// sees redacts an event; false where nothing of it may leave.
func (r reader) sees(e events.Envelope) (events.Envelope, bool) {
	m := r.mask(string(e.Type))
	if m == nil {
		return e, false
	}
	if t, known := r.rules.EventType(string(e.Type)); known && t.KeyField == "" && string(e.Key) != e.TransactionID {
		e.EventSubject = &e.Key // its key is the subject
	}
	seen, err := m.Envelope(e)
	return seen, err == nil
}

func envelopeOf(e *store.Event) events.Envelope {
	body := e.Body
	if body == "" {
		body = "null" // it is too long to be kept beside the record
	}
	return events.Envelope{ID: e.ID, Type: events.Type(e.Type), Key: events.ID(e.Subject), Tags: e.Tags, At: events.InstantOf(e.At), TransactionID: e.Transaction,
		UserID: events.ID(e.User), SourceSystem: e.Source, Synthetic: e.Synthetic, Body: body}
}

// show is a record as the reader sees it.
func (r reader) show(rec store.Record) (Held, bool) {
	if rec.Event == nil {
		return Held{}, false
	}
	seen, ok := r.sees(envelopeOf(rec.Event))
	if !ok {
		return Held{}, false
	}
	return Held{Topic: rec.Topic, Incarnation: rec.Incarnation, Partition: rec.Partition, Offset: rec.Offset, Time: rec.Time, ID: seen.ID, Type: string(seen.Type),
		Key: string(seen.Key), Tags: append([]string{}, seen.Tags...), At: seen.At, Transaction: seen.TransactionID, User: string(seen.UserID), Source: seen.SourceSystem,
		Synthetic: seen.Synthetic, Body: json.RawMessage(seen.Body)}, true
}

// condition is what a question asks of an event: empty fields ask nothing.
type condition struct {
	id, key, transaction, user, source string
	tags                               []string
	fields                             []field
}

// field is a value of the body, by its JSON pointer.
type field struct{ pointer, value string }

// holds judges what the reader sees: of what is withheld nothing holds, so that
// an answer tells nothing of it.
func (c condition) holds(seen events.Envelope) bool {
	for _, t := range c.tags {
		if !slices.Contains(seen.Tags, t) {
			return false
		}
	}
	for _, f := range c.fields {
		if f.value == events.Redacted || textAt(seen.Body, f.pointer) != f.value {
			return false
		}
	}
	return is(c.id, seen.ID) && is(c.key, string(seen.Key)) && is(c.transaction, seen.TransactionID) && is(c.user, string(seen.UserID)) && is(c.source, seen.SourceSystem)
}

func is(want, have string) bool { return want == "" || want == have && have != events.Redacted }

// probe is an event for which the condition holds.
func (c condition) probe(eventType string) events.Envelope {
	body := map[string]any{}
	for _, f := range c.fields {
		put(body, strings.Split(f.pointer, "/")[1:], f.value)
	}
	doc, err := json.Marshal(body)
	if err != nil {
		doc = []byte("{}")
	}
	e := events.Envelope{ID: "probe", Type: events.Type(eventType), Key: "probe", At: 1, TransactionID: "probe-transaction", Body: events.Body(doc)}
	if c.id != "" {
		e.ID = c.id
	}
	if c.key != "" {
		e.Key = events.ID(c.key)
	}
	if c.transaction != "" {
		e.TransactionID = c.transaction
	}
	e.UserID, e.SourceSystem, e.Tags = events.ID(c.user), c.source, c.tags
	return e
}

func put(in map[string]any, path []string, value string) {
	name := unescape(path[0])
	if len(path) == 1 {
		in[name] = value
		return
	}
	below, ok := in[name].(map[string]any)
	if !ok {
		below = map[string]any{}
		in[name] = below
	}
	put(below, path[1:], value)
}

func unescape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
}

// textAt is the text, number or truth at a JSON pointer, "" for anything else.
func textAt(body events.Body, pointer string) string {
	raw := json.RawMessage(body)
	for _, name := range strings.Split(pointer, "/")[1:] {
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil {
			return ""
		}
		raw = fields[unescape(name)]
	}
	var text string
	switch {
	case json.Unmarshal(raw, &text) == nil:
		return text
	case len(raw) == 0 || raw[0] == '{' || raw[0] == '[':
		return ""
	}
	return string(raw)
}
