package embedded

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/hamba/avro/v2"
)

// avroSchema is a schema as the registry holds it.
type avroSchema struct {
	text     string // as registered, without insignificant white space
	identity string // equal for schemas that differ only in form
	tree     avro.Schema
}

// parseSchema reads an Avro schema in JSON form. Names that it uses must be
// declared in it. The error may quote it: it is for the one who sent it.
func parseSchema(text string) (avroSchema, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(text)); err != nil {
		return avroSchema{}, errors.New("not JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(compact.Bytes()))
	decoder.UseNumber()
	var form any
	if err := decoder.Decode(&form); err != nil {
		return avroSchema{}, errors.New("not JSON")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return avroSchema{}, errors.New("more than one JSON value")
	}
	switch form.(type) {
	case string, map[string]any, []any:
	default:
		return avroSchema{}, errors.New("neither a name, an object nor a union")
	}
	// A cache of its own: the library's shared one lets a schema use names
	// that some other schema declared.
	tree, err := avro.ParseBytesWithCache(compact.Bytes(), "", &avro.SchemaCache{})
	if err != nil {
		return avroSchema{}, fmt.Errorf("not Avro: %w", err)
	}
	if err := checkEnumDefaults(form); err != nil {
		return avroSchema{}, err
	}
	identity, err := json.Marshal(plain(form))
	if err != nil {
		return avroSchema{}, err
	}
	return avroSchema{text: compact.String(), identity: string(identity), tree: tree}, nil
}

// plain brings the two ways to write a primitive type to one; the encoder then
// orders the attributes. Docs, defaults and aliases stay: they tell schemas
// apart, as they do in Confluent's registry.
func plain(form any) any {
	switch v := form.(type) {
	case map[string]any:
		if name, ok := v["type"].(string); ok && len(v) == 1 {
			return name
		}
		out := make(map[string]any, len(v))
		for k, inner := range v {
			if k != "default" {
				inner = plain(inner)
			}
			out[k] = inner
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = plain(inner)
		}
		return out
	}
	return form
}

// checkEnumDefaults refuses an enum default that is not a string: the library
// takes "" and null for no default at all.
func checkEnumDefaults(form any) error {
	switch v := form.(type) {
	case map[string]any:
		if def, ok := v["default"]; ok && v["type"] == "enum" && v["symbols"] != nil {
			if s, ok := def.(string); !ok || s == "" {
				return errors.New("not Avro: an enum default is not one of its symbols")
			}
		}
		for k, inner := range v {
			if k == "default" {
				continue
			}
			if err := checkEnumDefaults(inner); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range v {
			if err := checkEnumDefaults(inner); err != nil {
				return err
			}
		}
	}
	return nil
}
