package topology

import "fmt"

// Codec says how values of T look on the wire. Bind connects it to a schema
// registry for one topic; it does no I/O.
type Codec[T any] interface {
	Bind(s Schemas, topic string) (Serde[T], error)
	Schema() string // what is registered under the topic's subject, "" if nothing
}

// Serde turns values of T into bytes and back. Decode never panics and never
// repeats the bytes in its error. An error that wraps ErrUnavailable says that
// the registry could not be asked: the bytes may be good.
type Serde[T any] interface {
	Encode(T) ([]byte, error)
	Decode([]byte) (T, error)
	// Digest is the canonical form of a value for its identity: equal values
	// have equal digests, also across versions of the schema.
	Digest(T) ([]byte, error)
}

// Schemas is the part of a schema registry that codecs need. Both calls may
// fail with ErrUnavailable.
type Schemas interface {
	ID(subject, schema string) (int, error)
	Schema(id int) (string, error)
}

// ErrUnavailable says that something outside is away for now. It holds a
// record up; it never condemns one.
var ErrUnavailable = fmt.Errorf("unavailable for now")

// AnySerde is a Serde without its type.
type AnySerde struct {
	Encode func(any) ([]byte, error)
	Decode func([]byte) (any, error)
	Digest func(any) ([]byte, error)
}

type binder func(s Schemas, topic string) (AnySerde, error)

func bindAny[T any](c Codec[T]) binder {
	return func(s Schemas, topic string) (AnySerde, error) {
		serde, err := c.Bind(s, topic)
		if err != nil {
			return AnySerde{}, fmt.Errorf("codec of %s: %w", topic, err)
		}
		return AnySerde{
			Encode: func(v any) ([]byte, error) { return serde.Encode(v.(T)) },
			Decode: func(b []byte) (any, error) { return serde.Decode(b) },
			Digest: func(v any) ([]byte, error) { return serde.Digest(v.(T)) },
		}, nil
	}
}
