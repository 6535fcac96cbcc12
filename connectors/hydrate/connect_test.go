package hydrate

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"payerflow/topologies"
)

// TestConnectTakesTheCatalogue holds the configuration for Kafka Connect to the
// topics that carry events, and to what must not be otherwise.
func TestConnectTakesTheCatalogue(t *testing.T) {
	raw, err := os.ReadFile("../../deploy/connect/mongodb-sink.json")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Name   string            `json:"name"`
		Config map[string]string `json:"config"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	want := []string{topologies.Firehose.Topic.Name}
	for _, topic := range topologies.Catalogue {
		want = append(want, topic.Name)
	}
	if got := strings.Split(c.Config["topics"], ","); !slices.Equal(got, want) {
		t.Errorf("topics are %v, want %v", got, want)
	}
	for key, value := range map[string]string{"consumer.override.isolation.level": "read_committed", "errors.tolerance": "none", "errors.log.include.messages": "false",
		"consumer.override.auto.offset.reset": "earliest"} {
		if c.Config[key] != value {
			t.Errorf("%s is %q, want %q", key, c.Config[key], value)
		}
	}
	if c.Config["database"] == "payerflow" {
		t.Error("it would write among the records of the store itself")
	}
}
