package main

import (
	"embed"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/hamba/avro/v2"

	"payerflow/internal/topology"
)

//go:embed schemas/*.avsc
var schemas embed.FS

// codec is Avro in the Confluent frame with one fixed schema id: no registry
// takes part. It is the same code for every engine in Go.
type codec[T any] struct {
	id     uint32
	text   string
	schema avro.Schema
}

func newCodec[T any](name string, id uint32) codec[T] {
	b, err := schemas.ReadFile("schemas/" + name + ".avsc")
	must(err)
	return codec[T]{id, string(b), avro.MustParse(string(b))}
}

var (
	submittedCodec   = newCodec[submitted]("Submitted", 101)
	adjudicatedCodec = newCodec[adjudicated]("Adjudicated", 102)
	paidCodec        = newCodec[paid]("Paid", 103)
	resolvedCodec    = newCodec[resolved]("Resolved", 104)
	statusCodec      = newCodec[status]("Status", 105)
)

const frameBytes = 5

var (
	strict   = avro.Config{MaxByteSliceSize: 1 << 16, MaxSliceAllocSize: 1 << 16}.Freeze()
	readers  = sync.Pool{New: func() any { return avro.NewReader(nil, 0, avro.WithReaderConfig(strict)) }}
	errFrame = errors.New("not in the frame of this schema")
	errBody  = errors.New("not exactly one value of the schema")
)

func (c codec[T]) Schema() string { return c.text }

func (c codec[T]) Bind(topology.Schemas, string) (topology.Serde[T], error) { return c, nil }

func (c codec[T]) Encode(v T) ([]byte, error) {
	body, err := strict.Marshal(c.schema, v)
	if err != nil {
		return nil, err
	}
	out := make([]byte, frameBytes, frameBytes+len(body))
	binary.BigEndian.PutUint32(out[1:], c.id)
	return append(out, body...), nil
}

// Decode refuses bytes that end early and bytes that are left over.
func (c codec[T]) Decode(b []byte) (v T, err error) {
	if len(b) < frameBytes || b[0] != 0 || binary.BigEndian.Uint32(b[1:frameBytes]) != c.id {
		return v, errFrame
	}
	r := readers.Get().(*avro.Reader)
	defer readers.Put(r)
	r.Reset(b[frameBytes:])
	r.Error = nil
	r.ReadVal(c.schema, &v)
	if r.Error != nil {
		return v, errBody
	}
	if r.Peek(); !errors.Is(r.Error, io.EOF) && !errors.Is(r.Error, io.ErrUnexpectedEOF) {
		return v, errBody
	}
	return v, nil
}

// Digest is the body without its frame: one writer, hence one form of a value.
func (c codec[T]) Digest(v T) ([]byte, error) { return strict.Marshal(c.schema, v) }

// loose is a codec without its type, as goka wants it.
type loose[T any] struct{ codec[T] }

func (l loose[T]) Encode(v any) ([]byte, error) { return l.codec.Encode(v.(T)) }
func (l loose[T]) Decode(b []byte) (any, error) { return l.codec.Decode(b) }
