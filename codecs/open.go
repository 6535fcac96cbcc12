package codecs

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"

	"payerflow/events"
	"payerflow/internal/topology"
)

// Open is the codec of a domain topic for those who pass its events on: Avro
// on the wire, JSON inside. Identities are those that the typed codec gives.
type Open struct {
	text   string
	schema *avro.RecordSchema
	key    string
	limit  int
}

// NewOpen loads the schema of a domain topic. It panics where there is none:
// codecs are package variables.
func NewOpen(t topology.Topic) Open {
	text, err := AvroSchema(t.Name)
	if err != nil {
		panic(err)
	}
	schema, err := parse(text)
	if err != nil {
		panic(fmt.Sprintf("schema of %s: %v", t.Name, err))
	}
	return Open{text: text, schema: schema.(*avro.RecordSchema), key: t.KeyField, limit: t.MaxMessageBytes}
}

// Schema is the text that is registered under the topic's subject.
func (o Open) Schema() string { return o.text }

// Bind connects the codec to a registry for one topic.
func (o Open) Bind(s topology.Schemas, topic string) (topology.Serde[events.Typed], error) {
	return &openSerde{Open: o, resolver: newResolver(s, o.schema), subject: topic + "-value"}, nil
}

type openSerde struct {
	Open
	*resolver
	subject string
}

// Encode writes the JSON body as Avro. A body that does not fit is a Fault
// with the pointer of the field.
func (s *openSerde) Encode(e events.Typed) ([]byte, error) {
	id, err := s.schemas.ID(s.subject, s.text)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(strings.NewReader(string(e.Body)))
	d.UseNumber()
	var body any
	if err := d.Decode(&body); err != nil {
		return nil, fault("INVALID_JSON", "the body is not one JSON value")
	}
	b, err := FromJSON(s.schema, body)
	if err != nil {
		return nil, err
	}
	if frameBytes+len(b) > s.limit {
		return nil, tooLarge(s.limit)
	}
	return Frame(id, b), nil
}

// Decode reads a value written with any compatible schema. Fields that only
// the writer's schema has are kept in the body and are no part of the digest.
func (s *openSerde) Decode(b []byte) (e events.Typed, err error) {
	if len(b) > s.limit {
		return e, tooLarge(s.limit)
	}
	id, body, err := Unframe(b)
	if err != nil {
		return e, err
	}
	r, err := s.resolve(id)
	if err != nil {
		return e, err
	}
	writer, ok := r.writer.(*avro.RecordSchema)
	if !ok {
		return e, fault(IncompatibleSchema, "the writer's schema is no record")
	}
	doc, err := ToJSON(writer, body)
	if err != nil {
		return e, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(doc, &fields); err != nil {
		return e, errShape
	}
	texts := s.texts(writer, fields)
	e = events.Typed{Type: events.Type(texts["eventType"]), Key: events.ID(texts[s.key]), Body: events.Body(doc), Digest: s.digest(texts)}
	return e, nil
}

// Digest is the canonical form of a value that was decoded.
func (s *openSerde) Digest(e events.Typed) ([]byte, error) {
	if e.Digest == "" {
		return nil, errors.New("only decoded values have a digest")
	}
	return []byte(e.Digest), nil
}

// texts are the values of a record's fields that are not null, as the typed
// codec's digest writes them.
func (s *openSerde) texts(writer *avro.RecordSchema, fields map[string]json.RawMessage) map[string]string {
	out := map[string]string{}
	for _, f := range writer.Fields() {
		if text, ok := textOf(f.Type(), fields[f.Name()]); ok {
			out[f.Name()] = text
		}
	}
	return out
}

// digest is the digester's form for the fields that the topic's schema has.
func (s *openSerde) digest(texts map[string]string) string {
	var out []byte
	known := slices.SortedFunc(slices.Values(s.schema.Fields()), func(a, b *avro.Field) int { return strings.Compare(a.Name(), b.Name()) })
	for _, f := range known {
		text, ok := texts[f.Name()]
		if !ok || f.HasDefault() && f.Default() != nil && fmt.Sprint(f.Default()) == text {
			continue
		}
		out = binary.BigEndian.AppendUint32(out, uint32(len(f.Name())))
		out = append(out, f.Name()...)
		out = binary.BigEndian.AppendUint32(out, uint32(len(text)))
		out = append(out, text...)
	}
	return string(out)
}

// textOf is a JSON value as the digest writes it; it is false for null.
func textOf(schema avro.Schema, value json.RawMessage) (string, bool) {
	if union, ok := schema.(*avro.UnionSchema); ok {
		for _, branch := range union.Types() {
			if branch.Type() != avro.Null {
				schema = branch
			}
		}
	}
	if len(value) == 0 || string(value) == "null" {
		return "", false
	}
	if value[0] != '"' {
		return string(value), true
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return "", false
	}
	if p, ok := schema.(*avro.PrimitiveSchema); ok && p.Logical() != nil {
		switch p.Logical().Type() {
		case avro.Date:
			var d events.Date
			if d.UnmarshalText([]byte(text)) == nil {
				return fmt.Sprint(int32(d)), true
			}
		case avro.TimestampMicros:
			var i events.Instant
			if i.UnmarshalText([]byte(text)) == nil {
				return fmt.Sprint(int64(i)), true
			}
		}
	}
	return text, true
}
