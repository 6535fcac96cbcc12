package processors_test

import (
	"strings"
	"testing"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

const secretText = "thirty-two bytes of a made-up secret"

// visit is a type with everything that redaction knows: nested records,
// arrays, tuples, maps, unions, and JSON inside of texts.
func visit() tables.EventType {
	return tables.EventType{
		Name: "Clinic-Recorded-Visit", Version: 1, KeyField: "/patient/id",
		Schema: `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{
			"kind":{"type":"string"},"patient":{"$ref":"#/$defs/patient"},"later":{"type":"string"},
			"codes":{"type":"array","items":{"type":"string"}},
			"amounts":{"type":"object","additionalProperties":{"type":"number"}},
			"notes":{"type":"object","additionalProperties":{"type":"object","properties":{"text":{"type":"string"},"by":{"type":"string"}}}},
			"pair":{"type":"array","prefixItems":[{"type":"string"},{"type":"string"}]},
			"raw":{"type":"string"},"hidden":{"type":"object"},
			"who":{"anyOf":[{"type":"string"},{"type":"object","properties":{"name":{"type":"string"},"team":{"type":"string"}}}]}},
			"$defs":{"patient":{"type":"object","properties":{"id":{"type":"string"},"name":{"type":"string"},"plan":{"type":["string","null"]}}}}}`,
		Fields: []tables.Field{
			{Pointer: "/kind", Class: tables.ClassPublic},
			{Pointer: "/patient/id", Class: tables.ClassPHI}, {Pointer: "/patient/name", Class: tables.ClassPII}, {Pointer: "/patient/plan", Class: tables.ClassPublic},
			{Pointer: "/codes/*", Class: tables.ClassPHI},
			{Pointer: "/amounts", Class: tables.ClassPublic, Keys: tables.ClassPHI}, {Pointer: "/amounts/*", Class: tables.ClassBank},
			{Pointer: "/notes", Class: tables.ClassPublic, Keys: tables.ClassPublic}, {Pointer: "/notes/*/text", Class: tables.ClassPHI}, {Pointer: "/notes/*/by", Class: tables.ClassPublic},
			{Pointer: "/pair/0", Class: tables.ClassPublic}, {Pointer: "/pair/1", Class: tables.ClassPII},
			{Pointer: "/raw", Class: tables.ClassPublic, JSON: true}, {Pointer: "/raw/open", Class: tables.ClassPublic}, {Pointer: "/raw/id", Class: tables.ClassPHI}, {Pointer: "/raw/more", Class: tables.ClassPublic, JSON: true}, {Pointer: "/raw/more/*/x", Class: tables.ClassPublic},
			{Pointer: "/hidden", Class: tables.ClassPHI}, {Pointer: "/hidden/in", Class: tables.ClassPublic},
			{Pointer: "/who", Class: tables.ClassPII}, {Pointer: "/who/team", Class: tables.ClassPublic},
		},
		Metadata: []tables.Field{{Pointer: "region", Class: tables.ClassPublic}, {Pointer: "clerk", Class: tables.ClassPII}},
	}
}

func mask(classes ...string) *processors.Mask { return maskOf(visit(), classes...) }

func maskOf(t tables.EventType, classes ...string) *processors.Mask {
	may := map[string]bool{}
	for _, c := range classes {
		may[c] = true
	}
	return processors.NewMask(t, may, []byte(secretText))
}

// In what is expected, # stands for the text of a withheld value.
func TestBodies(t *testing.T) {
	for name, c := range map[string]struct {
		classes  []string
		in, want string
	}{
		"public alone":              {nil, `{"kind":"a","patient":{"id":"1","name":"n","plan":null}}`, `{"kind":"a","patient":{"id":"#","name":"#","plan":null}}`},
		"one class":                 {[]string{"PHI"}, `{"patient":{"id":"1","name":"n"}}`, `{"patient":{"id":"1","name":"#"}}`},
		"null is a value":           {nil, `{"patient":{"id":null}}`, `{"patient":{"id":"#"}}`},
		"declared, unclassified":    {[]string{"PHI", "PII", "BANK"}, `{"later":"x"}`, `{"later":"#"}`},
		"undeclared":                {[]string{"PHI", "PII", "BANK"}, `{"a":1,"b":{"c":[2]},"kind":"k","d":null}`, `{"#":"#","#-2":"#","kind":"k","#-3":"#"}`},
		"undeclared, like ours":     {nil, `{"***REDACTED***-2":1,"***REDACTED***":2,"x":3}`, `{"#":"#","#-2":"#","#-3":"#"}`},
		"an object is a scalar":     {nil, `{"patient":"p"}`, `{"patient":"#"}`},
		"an object is an array":     {nil, `{"patient":[{"plan":"p"}]}`, `{"patient":"#"}`},
		"a scalar is an object":     {nil, `{"kind":{"kind":"x"}}`, `{"kind":{"#":"#"}}`},
		"items":                     {nil, `{"codes":["a",["b"],{"c":1}]}`, `{"codes":["#","#","#"]}`},
		"items seen":                {[]string{"PHI"}, `{"codes":["a",["b"],{"c":1}]}`, `{"codes":["a",["#"],{"#":"#"}]}`},
		"items are a map":           {[]string{"PHI"}, `{"codes":{"a":"b"}}`, `{"codes":{"#":"b"}}`},
		"map, nothing":              {nil, `{"amounts":{"m1":1,"m2":2}}`, `{"amounts":{"#":"#","#-2":"#"}}`},
		"map, names":                {[]string{"PHI"}, `{"amounts":{"m1":1,"m2":2}}`, `{"amounts":{"m1":"#","m2":"#"}}`},
		"map, values":               {[]string{"BANK"}, `{"amounts":{"m1":1.50,"m2":1e3}}`, `{"amounts":{"#":1.50,"#-2":1e3}}`},
		"map of objects":            {nil, `{"notes":{"n1":{"text":"t","by":"b","more":1}}}`, `{"notes":{"n1":{"text":"#","by":"b","#":"#"}}}`},
		"tuple":                     {nil, `{"pair":["a","b","c"]}`, `{"pair":["a","#","#"]}`},
		"whole object":              {nil, `{"hidden":{"in":"x"}}`, `{"hidden":"#"}`},
		"whole object seen":         {[]string{"PHI"}, `{"hidden":{"in":"x","out":"y"}}`, `{"hidden":{"in":"x","#":"#"}}`},
		"union":                     {[]string{"PII"}, `{"who":{"name":"n","team":"t"}}`, `{"who":{"name":"#","team":"t"}}`},
		"union, the other":          {[]string{"PII"}, `{"who":"n"}`, `{"who":"n"}`},
		"JSON in a text":            {nil, `{"raw":"{\"open\":1.0,\"id\":\"4\\u0037\",\"x\":2}"}`, `{"raw":"{\"open\":1.0,\"id\":\"#\",\"#\":\"#\"}"}`},
		"JSON in JSON in a text":    {nil, `{"raw":"{\"more\":\"[{\\\"x\\\":1,\\\"y\\\":2}]\"}"}`, `{"raw":"{\"more\":\"[{\\\"x\\\":1,\\\"#\\\":\\\"#\\\"}]\"}"}`},
		"no JSON in a text":         {nil, `{"raw":"John"}`, `{"raw":"#"}`},
		"JSON in a text, and more":  {nil, `{"raw":"{} John"}`, `{"raw":"#"}`},
		"a JSON text in a text":     {nil, `{"raw":"\"John\""}`, `{"raw":"#"}`},
		"names twice in a text":     {nil, `{"raw":"{\"open\":1,\"open\":2}"}`, `{"raw":"#"}`},
		"JSON not in a text":        {nil, `{"raw":{"open":1,"id":2}}`, `{"raw":{"open":1,"id":"#"}}`},
		"a number for JSON":         {nil, `{"raw":7}`, `{"raw":"#"}`},
		"null for JSON":             {nil, `{"raw":null}`, `{"raw":null}`},
		"escapes in names":          {nil, `{"k\u0069nd":"a","pat\u0069ent":{"\u0069d":1}}`, `{"k\u0069nd":"a","pat\u0069ent":{"\u0069d":"#"}}`},
		"numbers keep their text":   {nil, ` { "kind" : 1.00e+02 } `, `{"kind":1.00e+02}`},
		"a body that is no object":  {nil, `"4711"`, `{"#":"#"}`},
		"a body that is an array":   {nil, `[{"kind":"x"}]`, `{"#":"#"}`},
		"a name that is our marker": {[]string{"PHI"}, `{"amounts":{"***REDACTED***":1}}`, `{"amounts":{"***REDACTED***":"#"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			want := strings.ReplaceAll(c.want, "#", events.Redacted)
			if got, err := mask(c.classes...).Body([]byte(c.in)); err != nil || string(got) != want {
				t.Errorf("%s, %v\nwant %s", got, err, want)
			}
		})
	}
}

func TestNothingLeavesABodyThatCannotBeWalked(t *testing.T) {
	for name, in := range map[string]string{
		"nothing": ``, "half": `{"kind":"a"`, "two": `{"kind":"a"}{}`, "a name twice": `{"kind":"a","kind":"b"}`,
		"a name twice, escaped": `{"kind":"a","k\u0069nd":"b"}`, "a name twice in what is withheld": `{"hidden":{"a":1,"a":2}}`,
		"no UTF-8": "{\"kind\":\"\xff\"}", "half a surrogate": `{"kind":"\ud800"}`, "a name of no text": `{1:2}`, "a comma too many": `{"codes":["a",]}`,
		"too deep": `{"hidden":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
	} {
		for _, m := range []*processors.Mask{mask(), mask("PHI", "PII", "BANK"), processors.NewMask(tables.EventType{}, nil, nil)} {
			if got, err := m.Body([]byte(in)); err == nil || got != nil || strings.Contains(err.Error(), "kind") {
				t.Errorf("%s: %s, %v", name, got, err)
			}
		}
	}
}

// A line on a wildcard says nothing about a property that the schema has.
func TestAFieldOfALaterVersionIsWithheld(t *testing.T) {
	later := tables.EventType{Name: "x", Version: 1, Schema: `{"properties":{"new":{"type":"string"}},"additionalProperties":true}`,
		Fields: []tables.Field{{Pointer: "", Class: tables.ClassPublic, Keys: tables.ClassPublic}, {Pointer: "/*", Class: tables.ClassPublic}}}
	got, err := maskOf(later).Body([]byte(`{"new":"a","free":"b"}`))
	if want := `{"new":"***REDACTED***","free":"b"}`; err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}

func TestLinesThatContradictAreAllObeyed(t *testing.T) {
	twice := tables.EventType{Name: "x", Version: 1, Fields: []tables.Field{{Pointer: "/a", Class: tables.ClassPublic}, {Pointer: "/a", Class: tables.ClassPHI}, {Pointer: "/d", Class: tables.ClassPHI}, {Pointer: "/d", Class: tables.ClassPublic}, {Pointer: "b", Class: tables.ClassPublic}, {Pointer: "/c"}}}
	got, err := maskOf(twice, "").Body([]byte(`{"a":1,"b":2,"c":3,"d":4}`))
	if want := `{"a":"***REDACTED***","***REDACTED***":"***REDACTED***","c":"***REDACTED***","d":"***REDACTED***"}`; err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}

func TestATypeThatNobodyRegisteredShowsNothing(t *testing.T) {
	m := processors.NewMask(tables.EventType{Name: "canary"}, map[string]bool{"PHI": true}, []byte(secretText))
	got, err := m.Envelope(envelope(`{"kind":"canary"}`))
	if err != nil || string(got.Body) != `{"***REDACTED***":"***REDACTED***"}` || got.Type != events.Redacted || got.TransactionID != events.Redacted || got.Tags[0] != events.Redacted || got.ID == "e1" || got.Key == "p1" {
		t.Errorf("%+v, %s, %v", got, string(got.Body), err)
	}
}
