package codecs

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/hamba/avro/v2"

	"payerflow/events"
)

// FromJSON writes a JSON value, decoded with json.Number, as the Avro body of
// a schema. Absent fields take their default. Dates and instants are texts in
// JSON and numbers in Avro, bytes are base64.
func FromJSON(schema avro.Schema, v any) ([]byte, error) {
	w := avro.NewWriter(nil, 512)
	if err := writeJSON(w, schema, v, ""); err != nil {
		return nil, err
	}
	return append([]byte(nil), w.Buffer()...), w.Error
}

func misfit(at, want string) error {
	return &events.Fault{ReasonCode: events.InvalidValue, At: at, Reason: "must be " + want}
}

func writeJSON(w *avro.Writer, schema avro.Schema, v any, at string) error {
	switch s := schema.(type) {
	case *avro.RecordSchema:
		return writeRecord(w, s, v, at)
	case *avro.UnionSchema:
		return writeUnion(w, s, v, at)
	case *avro.EnumSchema:
		return writeEnum(w, s, v, at)
	case *avro.ArraySchema:
		items, ok := v.([]any)
		if !ok {
			return misfit(at, "an array")
		}
		if len(items) > 0 {
			w.WriteLong(int64(len(items)))
			for i, item := range items {
				if err := writeJSON(w, s.Items(), item, fmt.Sprintf("%s/%d", at, i)); err != nil {
					return err
				}
			}
		}
		w.WriteLong(0)
		return nil
	case *avro.PrimitiveSchema:
		return writePrimitive(w, s, v, at)
	}
	return fmt.Errorf("schemas with %s are not written from JSON", schema.Type())
}

func writeRecord(w *avro.Writer, s *avro.RecordSchema, v any, at string) error {
	obj, ok := v.(map[string]any)
	if !ok {
		return misfit(at, "an object")
	}
	for _, f := range s.Fields() {
		value, given := obj[f.Name()]
		if !given {
			if !f.HasDefault() {
				return &events.Fault{ReasonCode: events.MissingField, At: at + "/" + f.Name(), Reason: "the topic's schema requires this field"}
			}
			value = f.Default()
		}
		if err := writeJSON(w, f.Type(), value, at+"/"+f.Name()); err != nil {
			return err
		}
	}
	return nil
}

func writeUnion(w *avro.Writer, s *avro.UnionSchema, v any, at string) error {
	for i, branch := range s.Types() {
		if (branch.Type() == avro.Null) == (v == nil) {
			w.WriteLong(int64(i))
			if v == nil {
				return nil
			}
			return writeJSON(w, branch, v, at)
		}
	}
	return misfit(at, "not null")
}

func writeEnum(w *avro.Writer, s *avro.EnumSchema, v any, at string) error {
	for i, symbol := range s.Symbols() {
		if symbol == v {
			w.WriteInt(int32(i))
			return nil
		}
	}
	return misfit(at, "a symbol of "+s.Name())
}

func writePrimitive(w *avro.Writer, s *avro.PrimitiveSchema, v any, at string) error {
	text, isText := v.(string)
	logical := avro.LogicalType("")
	if s.Logical() != nil {
		logical = s.Logical().Type()
	}
	switch s.Type() {
	case avro.String:
		if !isText {
			return misfit(at, "a text")
		}
		w.WriteString(text)
	case avro.Bytes:
		b, err := base64.StdEncoding.DecodeString(text)
		if !isText || err != nil {
			return misfit(at, "base64")
		}
		w.WriteBytes(b)
	case avro.Boolean:
		b, ok := v.(bool)
		if !ok {
			return misfit(at, "true or false")
		}
		w.WriteBool(b)
	case avro.Int, avro.Long:
		n, err := integer(v, logical)
		if err != nil {
			return misfit(at, "an integer, a date or a time as the schema says")
		}
		if s.Type() == avro.Long {
			w.WriteLong(n)
			return nil
		}
		if int64(int32(n)) != n {
			return misfit(at, "an integer of 32 bits")
		}
		w.WriteInt(int32(n))
	default:
		return fmt.Errorf("schemas with %s are not written from JSON", s.Type())
	}
	return nil
}

func integer(v any, logical avro.LogicalType) (int64, error) {
	switch x := v.(type) {
	case json.Number:
		return x.Int64()
	case int:
		return int64(x), nil
	case int32:
		return int64(x), nil
	case int64:
		return x, nil
	case string:
		switch logical {
		case avro.Date:
			var d events.Date
			err := d.UnmarshalText([]byte(x))
			return int64(d), err
		case avro.TimestampMicros:
			var i events.Instant
			err := i.UnmarshalText([]byte(x))
			return int64(i), err
		}
	}
	return 0, fmt.Errorf("not an integer")
}
