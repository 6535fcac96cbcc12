package sim

import (
	"encoding/json"

	"payerflow/internal/topology"
)

// plain is JSON by a registry that may be away.
type plain[T any] struct{ s topology.Schemas }

func (plain[T]) Schema() string { return "" }

// Bind connects the codec to a registry.
func (plain[T]) Bind(s topology.Schemas, _ string) (topology.Serde[T], error) {
	return plain[T]{s}, nil
}

// Digest is the JSON.
func (plain[T]) Digest(v T) ([]byte, error) { return json.Marshal(v) }

// Encode asks the registry each time.
func (c plain[T]) Encode(v T) ([]byte, error) {
	if _, err := c.s.ID("", ""); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// Decode asks the registry each time.
func (c plain[T]) Decode(b []byte) (v T, err error) {
	if _, err := c.s.Schema(0); err != nil {
		return v, err
	}
	return v, json.Unmarshal(b, &v)
}

// registry is a schema registry without schemas, that may be away.
type registry struct{ s *Sim }

// ID and Schema are topology.Schemas.
func (r registry) ID(string, string) (int, error) { return 1, r.s.registryAway() }

// Schema returns the schema of an id.
func (r registry) Schema(int) (string, error) { return "", r.s.registryAway() }
