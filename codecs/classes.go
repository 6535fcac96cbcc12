package codecs

import (
	"bytes"
	"encoding/json"
	"fmt"

	"payerflow/tables"
)

// Fields are the classes of every field of a catalogue event type, each with
// the reason why it has it.
func Fields(eventType string) ([]tables.Field, error) {
	b, err := files.ReadFile("schemas/classes/" + eventType + ".json")
	if err != nil {
		return nil, errNoEventType
	}
	var fields []tables.Field
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&fields); err != nil {
		return nil, fmt.Errorf("classes of %s: %w", eventType, err)
	}
	return fields, nil
}

// Sample is a made-up body of a catalogue event type, JSON.
func Sample(eventType string) (string, error) {
	b, err := files.ReadFile("schemas/samples/" + eventType + ".json")
	if err != nil {
		return "", errNoEventType
	}
	return string(b), nil
}
