package codecs_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"payerflow/codecs"
	"payerflow/tables"
)

// pointersIn lists the JSON pointer of everything that a schema of the
// catalogue has. A keyword that would add fields and is not known here fails
// the test, so that no field goes unseen.
func pointersIn(t *testing.T, at string, schema map[string]any) (pointers []string) {
	t.Helper()
	for keyword, v := range schema {
		switch keyword {
		case "properties":
			for name, child := range v.(map[string]any) {
				p := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
				pointers = append(append(pointers, p), pointersIn(t, p, child.(map[string]any))...)
			}
		case "items":
			pointers = append(append(pointers, at+"/*"), pointersIn(t, at+"/*", v.(map[string]any))...)
		case "additionalProperties":
			if v != false {
				t.Errorf("%s: additionalProperties %v: fields that no line can name", at, v)
			}
		case "$schema", "$id", "title", "description", "type", "required", "const", "enum", "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems":
		default:
			t.Errorf("%s: does %s add fields? This test has to know", at, keyword)
		}
	}
	return pointers
}

func TestEveryCatalogueFieldHasItsClass(t *testing.T) {
	if files, err := filepath.Glob("schemas/classes/*.json"); err != nil || len(files) != len(codecs.EventTypes()) {
		t.Errorf("%d files of classes for %d event types, %v", len(files), len(codecs.EventTypes()), err)
	}
	for _, eventType := range codecs.EventTypes() {
		text, err := codecs.JSONSchema(eventType)
		if err != nil {
			t.Fatal(err)
		}
		var schema map[string]any
		if err := json.Unmarshal([]byte(text), &schema); err != nil {
			t.Fatal(err)
		}
		fields, err := codecs.Fields(eventType)
		if err != nil {
			t.Fatal(err)
		}
		there, classed := pointersIn(t, "", schema), map[string]bool{}
		for _, f := range fields {
			if classed[f.Pointer] {
				t.Errorf("%s %s has two lines", eventType, f.Pointer)
			}
			classed[f.Pointer] = true
			if !slices.Contains(there, f.Pointer) {
				t.Errorf("%s %s names no field", eventType, f.Pointer)
			}
			if !slices.Contains([]string{tables.ClassPublic, tables.ClassPHI, tables.ClassPII, tables.ClassBank}, f.Class) || f.Source == "" {
				t.Errorf("%s %s: class %q because of %q", eventType, f.Pointer, f.Class, f.Source)
			}
			if (f.Pointer == "/eventType" || f.Pointer == "/schemaVersion") && f.Class != tables.ClassPublic {
				t.Errorf("%s %s is %s", eventType, f.Pointer, f.Class)
			}
		}
		for _, p := range there {
			if !classed[p] {
				t.Errorf("%s %s has no class", eventType, p)
			}
		}
	}
}

// One entity's id has one class as a key, or its hashes would not join.
func TestIdentifiersOfPersonsAreNeverPublic(t *testing.T) {
	for _, eventType := range codecs.EventTypes() {
		fields, err := codecs.Fields(eventType)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fields {
			switch f.Pointer {
			case "/memberId", "/claimId", "/memberNumber", "/enrollmentId", "/invoiceId", "/priorAuthId", "/appealId", "/ediTransactionId", "/rawPayload", "/rawS3Key", "/serviceDate", "/bookingId":
				if f.Class != tables.ClassPHI {
					t.Errorf("%s %s is %s", eventType, f.Pointer, f.Class)
				}
			}
		}
	}
	if _, err := codecs.Fields("../json/CLAIM_PAID"); err == nil {
		t.Error("a path is an event type")
	}
}

func TestSamplesFitTheirSchemas(t *testing.T) {
	for _, eventType := range codecs.EventTypes() {
		text, err := codecs.Sample(eventType)
		if err != nil {
			t.Errorf("%s: %v", eventType, err)
			continue
		}
		body, faults := codecs.CheckBody([]byte(text))
		if len(faults) > 0 || body["eventType"] != eventType {
			t.Errorf("%s: %+v", eventType, faults)
		}
	}
}
