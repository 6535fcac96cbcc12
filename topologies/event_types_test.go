package topologies_test

import (
	"encoding/json"
	"slices"
	"testing"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
	"payerflow/topologies"
)

func TestCatalogueTypesAreRegistered(t *testing.T) {
	all := topologies.DefaultEventTypes()
	var names []string
	for _, et := range all {
		names = append(names, et.Name)
		topic, ok := topologies.TopicOf(et.Topic)
		if !ok || !slices.Contains(topic.EventTypes, et.Name) || et.Subject != topic.Subject() || et.KeyField != "/"+topic.KeyField {
			t.Errorf("%s: topic %s, subject %s, key %s", et.Name, et.Topic, et.Subject, et.KeyField)
		}
		if et.Version != 1 || et.State != tables.StateActive || et.Doc == "" || et.Owner == "" || len(et.Tags) > 0 || len(et.Parts) > 0 {
			t.Errorf("%s: %+v", et.Name, et)
		}
		if _, faults := codecs.CheckBody([]byte(et.Sample)); len(faults) > 0 {
			t.Errorf("%s: %+v", et.Name, faults)
		}
		if !slices.ContainsFunc(et.Fields, func(f tables.Field) bool { return f.Pointer == et.KeyField && f.Class != "" }) {
			t.Errorf("%s: the key field has no class", et.Name)
		}
	}
	if !slices.Equal(names, codecs.EventTypes()) {
		t.Errorf("%v", names)
	}
	if owner := all[slices.Index(names, "EDI_837_RECEIVED")].Owner; owner != "edi-mirth-connect" {
		t.Error(owner)
	}
}

// The rules take every catalogue type as it is.
func TestCatalogueTypesPassTheRules(t *testing.T) {
	rules := processors.NewRules(topologies.DefaultEventTypes(), []byte("a secret of a test"))
	for _, et := range topologies.DefaultEventTypes() {
		if got, ok := rules.EventType(et.Name); !ok || got.Schema != et.Schema {
			t.Errorf("%s is not known to the rules", et.Name)
		}
		body, err := rules.Mask("somebody", "", et.Name).Body([]byte(et.Sample))
		if err != nil {
			t.Fatal(err)
		}
		var was, is map[string]any
		if json.Unmarshal([]byte(et.Sample), &was) != nil || json.Unmarshal(body, &is) != nil || len(was) != len(is) {
			t.Errorf("%s: %s", et.Name, body)
		}
		for _, f := range et.Fields {
			want := was[f.Pointer[1:]]
			if f.Class != tables.ClassPublic {
				want = events.Redacted
			}
			if is[f.Pointer[1:]] != want {
				t.Errorf("%s%s is %v, want %v", et.Name, f.Pointer, is[f.Pointer[1:]], want)
			}
		}
	}
}
