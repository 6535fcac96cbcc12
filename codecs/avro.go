package codecs

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hamba/avro/v2"

	"payerflow/internal/topology"
)

// Avro is the codec of a topic whose values are T, in the schema file that has
// the topic's name. T's fields carry `avro` tags.
type Avro[T any] struct {
	text   string
	schema avro.Schema
	digest digester
	limit  int
	under  string // topic whose subject names the schema, "" for the topic itself
}

// NewAvro loads the schema of a topic and checks T against it. It panics where
// they do not fit: codecs are package variables, and a schema file that does
// not parse is a build error.
func NewAvro[T any](topic string, limit int) Avro[T] {
	text, err := AvroSchema(topic)
	if err != nil {
		panic(err)
	}
	schema, err := parse(text)
	if err != nil {
		panic(fmt.Sprintf("schema of %s: %v", topic, err))
	}
	var zero T
	d, err := newDigester(schema, zero)
	if err != nil {
		panic(fmt.Sprintf("schema of %s: %v", topic, err))
	}
	return Avro[T]{text: text, schema: schema, digest: d, limit: limit}
}

// Under writes with the schema that is registered for another topic: for
// topics that come and go, and have no subject of their own.
func (a Avro[T]) Under(topic string) Avro[T] {
	a.under = topic
	return a
}

// Schema is the text that is registered under the topic's subject.
func (a Avro[T]) Schema() string { return a.text }

// Bind connects the codec to a registry for one topic.
func (a Avro[T]) Bind(s topology.Schemas, topic string) (topology.Serde[T], error) {
	return &avroSerde[T]{Avro: a, resolver: newResolver(s, a.schema), subject: cmp.Or(a.under, topic) + "-value"}, nil
}

type avroSerde[T any] struct {
	Avro[T]
	*resolver
	subject string
	id      atomic.Int64 // schema id + 1, 0: not asked yet
}

// Encode writes the Confluent frame and the value. It fails with
// topology.ErrUnavailable where the registry must be asked for the id and
// cannot be, and with TOO_LARGE where Decode would refuse the value.
func (s *avroSerde[T]) Encode(v T) ([]byte, error) {
	id := s.id.Load() - 1
	if id < 0 {
		n, err := s.schemas.ID(s.subject, s.text)
		if err != nil {
			return nil, err
		}
		id = int64(n)
		s.id.Store(id + 1)
	}
	body, err := strict.Marshal(s.schema, v)
	if err != nil {
		return nil, fault(BadAvro, "the value does not fit the schema of "+s.subject)
	}
	if frameBytes+len(body) > s.limit {
		return nil, tooLarge(s.limit)
	}
	return Frame(int(id), body), nil
}

// Decode reads a value written with any compatible schema.
func (s *avroSerde[T]) Decode(b []byte) (v T, err error) {
	if len(b) > s.limit {
		return v, tooLarge(s.limit)
	}
	id, body, err := Unframe(b)
	if err != nil {
		return v, err
	}
	r, err := s.resolve(id)
	if err != nil {
		return v, err
	}
	if err := decodeStrict(r, body, &v); err != nil {
		var none T
		return none, err
	}
	return v, nil
}

// Digest is the canonical form of a value.
func (s *avroSerde[T]) Digest(v T) ([]byte, error) { return s.digest.of(v), nil }

// resolver finds, by schema id, how what a writer wrote is read with the
// reader's schema.
type resolver struct {
	schemas topology.Schemas
	reader  avro.Schema
	mu      sync.Mutex
	known   sync.Map // id -> *resolution
}

type resolution struct {
	writer avro.Schema // what the bytes follow
	schema avro.Schema // the writer's, with what the reader makes of it
	err    error
	until  time.Time // an error holds until then; zero: for ever
}

// unknownFor is how long an id that the registry does not know is not asked
// for again, so that a flood of such records costs one request.
const unknownFor = 5 * time.Second

func newResolver(s topology.Schemas, reader avro.Schema) *resolver {
	return &resolver{schemas: s, reader: reader}
}

func (r *resolver) resolve(id int) (resolution, error) {
	if res := r.cached(id); res != nil {
		return *res, res.err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if res := r.cached(id); res != nil {
		return *res, res.err
	}
	text, err := r.schemas.Schema(id)
	if errors.Is(err, topology.ErrUnavailable) {
		return resolution{}, err
	}
	res := &resolution{}
	if err != nil {
		res.err, res.until = fault(UnknownSchema, "the registry does not know the schema id"), time.Now().Add(unknownFor)
	} else if *res, err = readWith(r.reader, text); err != nil {
		res.err = fault(IncompatibleSchema, "the writer's schema cannot be read with the topic's schema")
	}
	r.known.Store(id, res)
	return *res, res.err
}

func (r *resolver) cached(id int) *resolution {
	v, ok := r.known.Load(id)
	if !ok {
		return nil
	}
	if res := v.(*resolution); res.until.IsZero() || time.Now().Before(res.until) {
		return res
	}
	return nil
}

func readWith(reader avro.Schema, writer string) (r resolution, err error) {
	if r.writer, err = parse(writer); err != nil {
		return r, err
	}
	r.schema, err = avro.NewSchemaCompatibility().Resolve(reader, r.writer)
	return r, err
}
