package codecs

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hamba/avro/v2"

	"payerflow/internal/topology"
)

//go:embed schemas/avro/*.avsc schemas/json/*.json schemas/classes/*.json schemas/samples/*.json
var files embed.FS

// deadLetterSchema is the file that all .dlq topics share.
const deadLetterSchema = "dlq"

// AvroSchema returns the current Avro schema of a topic's values, by topic
// name. All .dlq topics have one schema.
func AvroSchema(topic string) (string, error) {
	b, err := files.ReadFile("schemas/avro/" + schemaFile(topic) + ".avsc")
	if err != nil {
		return "", fmt.Errorf("topic %s has no Avro schema", topic)
	}
	return string(b), nil
}

// schemaFile names the schema of a topic: its own, or one that topics of a kind
// share.
func schemaFile(topic string) string {
	switch {
	case strings.HasSuffix(topic, ".dlq"):
		return deadLetterSchema
	case strings.HasSuffix(topic, topology.LinksTopic("")):
		return "link"
	case strings.HasSuffix(topic, topology.FanOutTopic("")):
		return "fan-out"
	}
	if index, ok := strings.CutSuffix(topic, topology.EntriesTopic("")); ok {
		return index + "-table"
	}
	return topic
}

var errNoEventType = errors.New("the event type has no JSON Schema")

// JSONSchema returns the JSON Schema (2020-12) of an event type's body.
func JSONSchema(eventType string) (string, error) {
	b, err := files.ReadFile("schemas/json/" + eventType + ".json")
	if err != nil {
		return "", errNoEventType // the name may come from a body: it is not repeated
	}
	return string(b), nil
}

// EventTypes are all event types that have a JSON Schema, sorted.
func EventTypes() []string {
	entries, _ := fs.ReadDir(files, "schemas/json")
	var types []string
	for _, e := range entries {
		types = append(types, strings.TrimSuffix(e.Name(), ".json"))
	}
	return types
}

// parse reads a schema with its own name cache, so that two versions of one
// name never mix, and refuses schemas that contain themselves: their depth is
// the sender's to choose.
func parse(text string) (avro.Schema, error) {
	s, err := avro.ParseBytesWithCache([]byte(text), "", &avro.SchemaCache{})
	if err != nil {
		return nil, err
	}
	if recursive(s, map[string]bool{}) {
		return nil, fmt.Errorf("schema contains itself")
	}
	return s, nil
}

func recursive(s avro.Schema, open map[string]bool) bool {
	switch t := s.(type) {
	case *avro.RefSchema:
		return open[t.Schema().FullName()]
	case *avro.RecordSchema:
		open[t.FullName()] = true
		defer delete(open, t.FullName())
		for _, f := range t.Fields() {
			if recursive(f.Type(), open) {
				return true
			}
		}
	case *avro.ArraySchema:
		return recursive(t.Items(), open)
	case *avro.MapSchema:
		return recursive(t.Values(), open)
	case *avro.UnionSchema:
		for _, b := range t.Types() {
			if recursive(b, open) {
				return true
			}
		}
	}
	return false
}
