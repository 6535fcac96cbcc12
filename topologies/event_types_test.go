package topologies_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
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
			name := strings.TrimSuffix(f.Pointer[1:], "/*") // of a list, its items
			want := was[name]
			if f.Class != tables.ClassPublic {
				want = events.Redacted
			}
			if !reflect.DeepEqual(is[name], want) {
				t.Errorf("%s%s is %v, want %v", et.Name, f.Pointer, is[name], want)
			}
		}
	}
}

// A redacted body fits its type's redacted schema, whatever is permitted, and
// no permission changes that schema.
func TestRedactedSamplesFitTheRedactedSchema(t *testing.T) {
	for _, et := range topologies.DefaultEventTypes() {
		var schema string
		for _, classes := range []map[string]bool{nil, {tables.ClassPHI: true}, {tables.ClassPII: true, tables.ClassBank: true}, {tables.ClassPHI: true, tables.ClassPII: true, tables.ClassBank: true}} {
			m := processors.NewMask(et, classes, nil)
			text, err := m.Schema()
			if err != nil || schema != "" && text != schema {
				t.Fatalf("%s: %v: %s", et.Name, err, text)
			}
			schema = text
			for _, sample := range []string{et.Sample, nulled(t, et.Sample)} {
				body, err := m.Body([]byte(sample))
				if err != nil {
					t.Fatal(err)
				}
				if _, faults := codecs.CheckBodyWith(schema, body); len(faults) > 0 {
					t.Errorf("%s as %v: %+v", et.Name, classes, faults)
				}
			}
		}
		if _, faults := codecs.CheckBodyWith(schema, []byte(`{"eventType":"`+et.Name+`","claimId":7}`)); len(faults) < 2 {
			t.Errorf("%s: the redacted schema takes anything", et.Name)
		}
	}
}

// nulled is the body with what its schema does not require as null, as bodies
// of domain topics have it; those that its schema then refuses are left.
func nulled(t *testing.T, sample string) string {
	var body map[string]any
	if err := json.Unmarshal([]byte(sample), &body); err != nil {
		t.Fatal(err)
	}
	for name, was := range body {
		body[name] = nil
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if _, faults := codecs.CheckBody(text); len(faults) > 0 {
			body[name] = was
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
