package codecs_test

import (
	"encoding/json"
	"maps"
	"testing"

	"payerflow/codecs"
	"payerflow/events"
)

// Envelopes have a map: they are shown like anything else.
func TestMapsAreShown(t *testing.T) {
	memory := &codecs.Memory{}
	serde := bind[events.Envelope](t, "mediator.event.received", memory)
	want := map[string]string{"a": "1", `b"`: "\n"}
	for _, ext := range []map[string]string{{}, want} {
		value, err := serde.Encode(events.Envelope{ID: "e1", Type: "T", Key: "k", At: 1, Tags: []string{"x", "y"}, Extensions: ext, Body: "{}"})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := codecs.NewGeneric(memory).Decode(value)
		var shown struct {
			Extensions map[string]string
			Tags       []string
		}
		if err != nil || json.Unmarshal(doc, &shown) != nil || !maps.Equal(shown.Extensions, ext) || len(shown.Tags) != 2 {
			t.Errorf("%s: %v", doc, err)
		}
		for cut := range value {
			if _, err := codecs.NewGeneric(memory).Decode(value[:cut]); err == nil {
				t.Fatalf("cut to %d bytes it is shown", cut)
			}
		}
	}
}
