package codecs

import (
	"encoding/binary"

	"github.com/hamba/avro/v2"
)

// maxEmptyItems bounds the values of no bytes (nulls, empty records) that one
// body may hold beyond its length.
const maxEmptyItems = 1 << 16

var (
	errShape    = fault(BadAvro, "the body is not Avro of its schema, or ends early")
	errTrailing = fault(TrailingBytes, "bytes are left after the end of the value")
)

// checkBounds says whether a body is exactly one value of the schema that it
// was written with, without allocating anything for it. The library believes
// counts and lengths: a negative array count makes it write outside of the
// slice, a large one ends the process, so that it only sees bodies that have
// passed here.
func checkBounds(writer avro.Schema, body []byte) error {
	w := walk{rest: body, steps: maxEmptyItems + 8*len(body)}
	if !w.value(writer) {
		return errShape
	}
	if len(w.rest) > 0 {
		return errTrailing
	}
	return nil
}

type walk struct {
	rest  []byte
	steps int // values that may still be visited
}

func (w *walk) value(schema avro.Schema) bool {
	if w.steps--; w.steps < 0 {
		return false
	}
	switch s := schema.(type) {
	case *avro.RefSchema:
		return w.value(s.Schema())
	case *avro.RecordSchema:
		for _, f := range s.Fields() {
			if !w.value(f.Type()) {
				return false
			}
		}
		return true
	case *avro.UnionSchema:
		i, ok := w.long()
		return ok && i >= 0 && i < int64(len(s.Types())) && w.value(s.Types()[i])
	case *avro.ArraySchema:
		return w.blocks(func() bool { return w.value(s.Items()) })
	case *avro.MapSchema:
		return w.blocks(func() bool { return w.bytes() && w.value(s.Values()) })
	case *avro.EnumSchema:
		i, ok := w.long()
		return ok && i >= 0 && i < int64(len(s.Symbols()))
	case *avro.FixedSchema:
		return w.skip(int64(s.Size()))
	}
	return w.primitive(schema.Type())
}

func (w *walk) primitive(t avro.Type) bool {
	switch t {
	case avro.Null:
		return true
	case avro.Boolean:
		return len(w.rest) > 0 && w.rest[0] <= 1 && w.skip(1)
	case avro.Int:
		n, ok := w.long()
		return ok && int64(int32(n)) == n
	case avro.Long:
		_, ok := w.long()
		return ok
	case avro.Float:
		return w.skip(4)
	case avro.Double:
		return w.skip(8)
	case avro.String, avro.Bytes:
		return w.bytes()
	}
	return false
}

// blocks walks the blocks of an array or a map. Each item takes a byte or
// more, and a block takes as many bytes as it says.
func (w *walk) blocks(item func() bool) bool {
	for {
		count, ok := w.long()
		if !ok || count == 0 {
			return ok
		}
		size := int64(-1)
		if count < 0 {
			if size, ok = w.long(); !ok || size < 0 {
				return false
			}
			count = -count // of the smallest number that number itself, still negative
		}
		before := len(w.rest)
		if count < 0 || count > int64(before) {
			return false
		}
		for range count {
			left := len(w.rest)
			if !item() || len(w.rest) == left {
				return false
			}
		}
		if size >= 0 && int64(before-len(w.rest)) != size {
			return false
		}
	}
}

func (w *walk) bytes() bool {
	n, ok := w.long()
	return ok && w.skip(n)
}

func (w *walk) skip(n int64) bool {
	if n < 0 || n > int64(len(w.rest)) {
		return false
	}
	w.rest = w.rest[n:]
	return true
}

func (w *walk) long() (int64, bool) {
	n, size := binary.Varint(w.rest)
	if size <= 0 {
		return 0, false
	}
	w.rest = w.rest[size:]
	return n, true
}
