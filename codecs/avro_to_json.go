package codecs

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/hamba/avro/v2"

	"payerflow/events"
	"payerflow/internal/topology"
)

// ToJSON writes an Avro body as JSON with the fields in the schema's order.
// It is as strict as the typed decoder.
func ToJSON(schema avro.Schema, body []byte) ([]byte, error) {
	if err := checkBounds(schema, body); err != nil {
		return nil, err
	}
	r := avro.NewReader(nil, 0, avro.WithReaderConfig(strict))
	r.Reset(body)
	return appendJSON(nil, r, schema)
}

// Generic decodes values of any topic to JSON, with the schemas they were
// written with.
type Generic struct {
	schemas topology.Schemas
	known   map[int]avro.Schema
}

// NewGeneric asks s for schemas. A Generic is for one goroutine.
func NewGeneric(s topology.Schemas) *Generic {
	return &Generic{schemas: s, known: map[int]avro.Schema{}}
}

// Decode reads a value in the Confluent frame.
func (g *Generic) Decode(value []byte) ([]byte, error) {
	id, body, err := Unframe(value)
	if err != nil {
		return nil, err
	}
	schema, ok := g.known[id]
	if !ok {
		text, err := g.schemas.Schema(id)
		if err != nil {
			return nil, err
		}
		if schema, err = parse(text); err != nil {
			return nil, fault(IncompatibleSchema, "the writer's schema is not one that is read")
		}
		g.known[id] = schema
	}
	return ToJSON(schema, body)
}

// appendJSON writes what checkBounds has passed.
func appendJSON(out []byte, r *avro.Reader, schema avro.Schema) ([]byte, error) {
	var err error
	switch s := schema.(type) {
	case *avro.RefSchema:
		return appendJSON(out, r, s.Schema())
	case *avro.RecordSchema:
		out = append(out, '{')
		for i, f := range s.Fields() {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendString(out, f.Name()), ':')
			if out, err = appendJSON(out, r, f.Type()); err != nil {
				return nil, err
			}
		}
		out = append(out, '}')
	case *avro.UnionSchema:
		return appendJSON(out, r, s.Types()[r.ReadLong()])
	case *avro.ArraySchema:
		out, err = appendBlocks(append(out, '['), r, func(out []byte) ([]byte, error) { return appendJSON(out, r, s.Items()) })
		out = append(out, ']')
	case *avro.MapSchema:
		out, err = appendBlocks(append(out, '{'), r, func(out []byte) ([]byte, error) {
			return appendJSON(append(appendString(out, r.ReadString()), ':'), r, s.Values())
		})
		out = append(out, '}')
	case *avro.EnumSchema:
		out = appendString(out, s.Symbols()[r.ReadInt()])
	case *avro.NullSchema:
		out = append(out, "null"...)
	case *avro.PrimitiveSchema:
		out, err = appendPrimitive(out, r, s)
	default:
		return nil, fmt.Errorf("schemas with %s are not shown as JSON", schema.Type())
	}
	if err == nil && r.Error != nil {
		err = errShape
	}
	return out, err
}

// appendBlocks writes the items of an array or a map, with commas between.
func appendBlocks(out []byte, r *avro.Reader, item func([]byte) ([]byte, error)) ([]byte, error) {
	for first := true; ; {
		n, _ := r.ReadBlockHeader()
		if r.Error != nil {
			return nil, errShape
		}
		if n == 0 {
			return out, nil
		}
		for range n {
			if !first {
				out = append(out, ',')
			}
			first = false
			var err error
			if out, err = item(out); err != nil {
				return nil, err
			}
		}
	}
}

func appendPrimitive(out []byte, r *avro.Reader, s *avro.PrimitiveSchema) ([]byte, error) {
	logical := avro.LogicalType("")
	if s.Logical() != nil {
		logical = s.Logical().Type()
	}
	switch s.Type() {
	case avro.String:
		return appendString(out, r.ReadString()), nil
	case avro.Bytes:
		return appendString(out, base64.StdEncoding.EncodeToString(r.ReadBytes())), nil
	case avro.Boolean:
		return strconv.AppendBool(out, r.ReadBool()), nil
	case avro.Double:
		b, err := json.Marshal(r.ReadDouble())
		return append(out, b...), err
	case avro.Int:
		n := r.ReadInt()
		if logical == avro.Date {
			return appendString(out, events.Date(n).String()), nil
		}
		return strconv.AppendInt(out, int64(n), 10), nil
	case avro.Long:
		n := r.ReadLong()
		if logical == avro.TimestampMicros {
			return appendString(out, events.Instant(n).String()), nil
		}
		return strconv.AppendInt(out, n, 10), nil
	}
	return nil, fmt.Errorf("schemas with %s are not shown as JSON", s.Type())
}

func appendString(out []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	b, _ := json.Marshal(s) // a valid text always marshals
	return append(out, b...)
}
