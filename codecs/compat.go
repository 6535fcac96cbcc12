package codecs

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/hamba/avro/v2"
)

// CheckCompatible is the project's own gate for a schema against all versions
// that were ever published of its subject, oldest first: the new schema must
// read what every old one wrote, and every old one must read what the new one
// writes (FULL_TRANSITIVE). The registry alone is set to BACKWARD.
func CheckCompatible(schema string, published []string) error {
	next, err := parse(schema)
	if err != nil {
		return fmt.Errorf("schema does not parse: %w", err)
	}
	for i, text := range published {
		old, err := parse(text)
		if err != nil {
			return fmt.Errorf("version %d does not parse: %w", i+1, err)
		}
		if err := avro.NewSchemaCompatibility().Compatible(next, old); err != nil {
			return fmt.Errorf("the new schema cannot read what version %d wrote: %w", i+1, err)
		}
		if err := avro.NewSchemaCompatibility().Compatible(old, next); err != nil {
			return fmt.Errorf("readers with version %d cannot read what the new schema writes: %w", i+1, err)
		}
	}
	return nil
}

// SameSchema says whether two texts are one schema, whatever their layout.
// Defaults and docs count, as they do for the registry.
func SameSchema(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}
