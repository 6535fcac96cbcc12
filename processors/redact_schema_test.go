package processors_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

func TestWidenedSchema(t *testing.T) {
	et := tables.EventType{Name: "Made-Up-Type", Version: 1, Schema: `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","title":"T","properties":{
		"open":{"type":"string","maxLength":3},"shut":{"type":"integer","description":"D"},"later":{"type":"string","description":"L"}},"required":["open","shut"],"additionalProperties":false}`,
		Fields: []tables.Field{{Pointer: "/open", Class: tables.ClassPublic}, {Pointer: "/shut", Class: tables.ClassPHI}}}
	text, err := maskOf(et).Schema()
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(`{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://payerflow.dev/schemas/redacted/Made-Up-Type.json","type":"object","title":"T","properties":{
		"open":{"type":"string","maxLength":3},"shut":{"anyOf":[{"const":"#"},{"type":"integer","description":"D"}]},"later":{"const":"#","description":"L"}},"required":["open","shut"],"additionalProperties":false}`, `"#"`, `"`+events.Redacted+`"`)), &want); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Errorf("%s\nwant %s", a, b)
	}
}

// Schemas whose words would not hold of a redacted body.
func TestRedactedBodiesFitAnyway(t *testing.T) {
	lines := []tables.Field{{Pointer: "/a", Class: tables.ClassPublic}, {Pointer: "/a/x", Class: tables.ClassPHI}, {Pointer: "/b", Class: tables.ClassPublic}, {Pointer: "/b/1", Class: tables.ClassPublic}, {Pointer: "/b/*", Class: tables.ClassPHI}}
	for name, c := range map[string]struct{ schema, body string }{
		"a const object":            {`{"type":"object","properties":{"a":{"const":{"x":1}}}}`, `{"a":{"x":1}}`},
		"an enum of objects":        {`{"type":"object","properties":{"a":{"enum":[{"x":1},2]}}}`, `{"a":{"x":1}}`},
		"not":                       {`{"type":"object","properties":{"a":{"properties":{"x":{"not":{"type":"string"}}}}}}`, `{"a":{"x":1}}`},
		"items that differ":         {`{"type":"object","properties":{"b":{"uniqueItems":true,"items":{"type":"integer"}}}}`, `{"b":[1,2,3]}`},
		"one of":                    {`{"type":"object","oneOf":[{"properties":{"a":{"properties":{"x":{"const":1}}}}},{"properties":{"a":{"properties":{"x":{"const":2}}}}}]}`, `{"a":{"x":1}}`},
		"unevaluated":               {`{"type":"object","properties":{"a":true},"unevaluatedProperties":{"type":"integer"}}`, `{"a":{"x":1},"c":5}`},
		"dependent names":           {`{"type":"object","dependentRequired":{"c":["d"]},"dependentSchemas":{"e":{"required":["f"]}}}`, `{"c":1,"d":2,"e":3,"f":4}`},
		"names like ours":           {`{"type":"object","required":["***REDACTED***"],"properties":{"***REDACTED***":{"type":"integer"}},"dependentRequired":{"***REDACTED***":["a"]}}`, `{"***REDACTED***":1,"a":2}`},
		"a branch that knows less":  {`{"type":"object","properties":{"a":{"type":"object"}},"allOf":[{"additionalProperties":{"type":["object","array","integer"]}}]}`, `{"a":{"x":1},"b":[1,2],"c":3}`},
		"a reference to itself":     {`{"type":"object","properties":{"a":{"$ref":"#"},"x":{"type":"integer"}}}`, `{"a":{"a":{"x":1},"x":2}}`},
		"a loop of references":      {`{"type":"object","properties":{"a":{"$anchor":"n","type":"object","properties":{"x":{"$ref":"#n"}}}}}`, `{"a":{"x":{"x":{}}}}`},
		"an older draft":            {`{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"a":{"$ref":"#/definitions/o","type":"integer"}},"definitions":{"o":{"type":"object"}}}`, `{"a":{"x":1}}`},
		"anything":                  {`true`, `{"a":{"x":1},"b":2}`},
		"names that are restricted": {`{"type":"object","propertyNames":{"enum":["a","c"]},"maxProperties":2}`, `{"a":{"x":1},"c":2}`},
	} {
		et := tables.EventType{Name: "made", Version: 1, Schema: c.schema, Fields: lines}
		original, err := processors.CompileSchema(c.schema)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if v, err := jsonschema.UnmarshalJSON(strings.NewReader(c.body)); err != nil || original.Validate(v) != nil {
			t.Fatalf("%s: the example does not fit: %v", name, original.Validate(v))
		}
		for _, classes := range [][]string{nil, {"PHI"}} {
			m := maskOf(et, classes...)
			out, err := m.Body([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			text, err := m.Schema()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			redacted, err := processors.CompileSchema(text)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(out))); err != nil || redacted.Validate(v) != nil {
				t.Errorf("%s: %s does not fit %s", name, out, text)
			}
		}
	}
}

// A few lines of references that stand for billions of schemas end in an
// error, and show nothing.
func TestSchemaBombs(t *testing.T) {
	bomb := `{"type":"object",` + doubling(40)[1:]
	m := maskOf(tables.EventType{Name: "bomb", Version: 1, Schema: bomb, Fields: []tables.Field{{Pointer: "/a", Class: tables.ClassPublic}}})
	if _, err := m.Schema(); err == nil {
		t.Error("the schema was written out")
	}
	if out, err := m.Body([]byte(`{"a":1,"b":2}`)); err != nil || string(out) != `{"a":1,"***REDACTED***":"***REDACTED***"}` {
		t.Errorf("%s, %v", out, err)
	}
}
