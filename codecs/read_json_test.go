package codecs_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"payerflow/codecs"
	"payerflow/events"
)

// registered is the schema of a type that a team registered: a and b are
// declared, the names below m are data.
const registered = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["a"],
	"properties":{"a":{"type":"string","maxLength":3},"b":{"type":"array","items":{"type":"object","properties":{"n":{"type":"integer"}}}},
		"m":{"type":"object","additionalProperties":{"type":"integer"}}}}`

func TestStrictJSON(t *testing.T) {
	deep := func(n int) string { return `{"a":"x","b":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	for name, c := range map[string]struct{ doc, code, at string }{
		"a name twice":                 {`{"a":"x","a":"y"}`, codecs.DuplicateName, "/a"},
		"a name twice, escaped":        {`{"a":"x","\u0061":"y"}`, codecs.DuplicateName, "/a"},
		"a name twice, below":          {`{"a":"x","b":[{},{"n":1,"n":1}]}`, codecs.DuplicateName, "/b/1/n"},
		"a name twice that is data":    {`{"a":"x","m":{"` + canary + `":1,"` + canary + `":2}}`, codecs.DuplicateName, "/m/*"},
		"names that differ in case":    {`{"a":"x","A":"y"}`, codecs.AmbiguousName, "/*"},
		"names that differ by Kelvin":  {`{"a":"x","\u212a":1,"k":1}`, codecs.AmbiguousName, "/*"},
		"names that differ by long s":  {`{"a":"x","s":1,"\u017f":1}`, codecs.AmbiguousName, "/*"},
		"names that differ by sigma":   {`{"a":"x","\u03c3":1,"\u03c2":1}`, codecs.AmbiguousName, "/*"},
		"65 deep":                      {deep(64), codecs.TooDeep, "/b" + strings.Repeat("/0", 63)},
		"100,000 deep":                 {deep(100_000), codecs.TooDeep, "/b" + strings.Repeat("/0", 63)},
		"100,000 objects deep":         {`{"a":"x","b":` + strings.Repeat(`{"b":`, 100_000), codecs.TooDeep, strings.Repeat("/b", 64)},
		"half a surrogate":             {`{"a":"\ud800"}`, codecs.InvalidText, "/a"},
		"the other half":               {`{"a":"\udc00"}`, codecs.InvalidText, "/a"},
		"half a surrogate in a name":   {`{"a":"x","\ud800":1}`, codecs.InvalidText, ""},
		"no UTF-8":                     {"{\"a\":\"\xff\"}", codecs.InvalidText, "/a"},
		"1e999999":                     {`{"a":"x","m":{"k":1e999999}}`, codecs.InvalidNumber, "/m/*"},
		"1e-999999":                    {`{"a":"x","c":1e-999999}`, codecs.InvalidNumber, "/*"},
		"0e999999999999999999":         {`{"a":"x","c":0e999999999999999999}`, codecs.InvalidNumber, "/*"},
		"a number of many digits":      {`{"a":"x","c":` + strings.Repeat("1", 200) + `}`, codecs.InvalidNumber, "/*"},
		"something that follows":       {`{"a":"x"} 1`, codecs.InvalidJSON, ""},
		"a comma too many":             {`{"a":"x",}`, codecs.InvalidJSON, ""},
		"no quotes":                    {`{a:"x"}`, codecs.InvalidJSON, ""},
		"NaN":                          {`{"a":NaN}`, codecs.InvalidJSON, "/a"},
		"a control character":          {"{\"a\":\"\n\"}", codecs.InvalidJSON, "/a"},
		"a byte order mark":            {"\ufeff{\"a\":\"x\"}", codecs.InvalidJSON, ""},
		"an end within an array":       {`{"a":"x","b":[`, codecs.InvalidJSON, "/b/0"},
		"a value below a name of data": {`{"a":"x","m":{"4711":"` + canary + `"}}`, events.InvalidValue, "/m/*"},
		"missing":                      {`{}`, events.MissingField, "/a"},
		"no object":                    {`[]`, codecs.InvalidJSON, ""},
	} {
		body, faults := codecs.CheckBodyWith(registered, []byte(c.doc))
		if body != nil || len(faults) != 1 || faults[0].ReasonCode != c.code || faults[0].At != c.at {
			t.Errorf("%s: %+v", name, faults)
		}
		wantSilence(t, name, faults)
	}
	for name, fine := range map[string]string{
		"64 deep": strings.Replace(deep(63), "\"b\"", "\"c\"", 1), "a whole pair": `{"a":"\ud83d\ude00"}`, "large numbers": `{"a":"x","m":{"k":123456789012345678901234567890}}`, "zero": `{"a":"x","c":-0.0e-5}`,
		"no integer, and yet one": `{"a":"x","m":{"k":1.0}}`, "U+FFFD": `{"a":"\ufffd` + "\ufffd" + `"}`,
	} {
		if _, faults := codecs.CheckBodyWith(registered, []byte(fine)); len(faults) > 0 {
			t.Errorf("%s: %+v", name, faults)
		}
	}
}

// All that is wrong is told at once: what the text does and what the schema
// refuses, each place once.
func TestStrictAndSchemaFaultsComeTogether(t *testing.T) {
	_, faults := codecs.CheckBodyWith(registered, []byte(`{"a":"long text","a":"\ud800 and longer","b":[{"n":"x"},{"n":1e999999}],"m":{"x":true,"X":1}}`))
	got := map[string]bool{}
	for _, f := range faults {
		got[f.ReasonCode+f.At] = true
	}
	for _, want := range []string{"DUPLICATE_NAME/a", "INVALID_TEXT/a", "INVALID_VALUE/b/0/n", "INVALID_NUMBER/b/1/n", "AMBIGUOUS_NAME/m/*"} {
		if !got[want] {
			t.Errorf("%s is not told: %+v", want, faults)
		}
	}
	many := `{"a":"x","b":[` + strings.Repeat(`{"n":"x"},`, 5000) + `{}]}`
	if _, faults := codecs.CheckBodyWith(registered, []byte(many)); len(faults) != 100 {
		t.Errorf("%d faults of 5,000", len(faults))
	}
}

func TestSchemasThatCannotBeUsed(t *testing.T) {
	for name, schema := range map[string]string{
		"no JSON": `{`, "no schema": `{"type":"nothing"}`, "a file": `{"$ref":"file:///etc/hostname"}`, "a host": `{"$ref":"http://127.0.0.1:1/x.json"}`, "another draft of our own": `{"$schema":"file:///etc/hostname"}`,
	} {
		if body, faults := codecs.CheckBodyWith(schema, []byte(`{}`)); body != nil || len(faults) != 1 || faults[0].ReasonCode != codecs.InvalidSchema {
			t.Errorf("%s: %+v", name, faults)
		}
	}
}

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		` { "b" : [ true , null ] , "a" : "\u0041\/\u00e9\n" } `: `{"a":"A/é\n","b":[true,null]}`,
		`[1,1.0,10,1e1,-0,0.00,15e-1,1.50,-120e+3]`:              `[1,1,1e1,1e1,0,0,15e-1,15e-1,-12e4]`,
		`[9007199254740993,9007199254740992]`:                    `[9007199254740993,9007199254740992]`,
	} {
		if got, err := codecs.Canonical([]byte(in)); err != nil || string(got) != want {
			t.Errorf("%s, %v\nwant %s", got, err, want)
		}
	}
	if _, err := codecs.Canonical([]byte(`{"a":1,"a":2}`)); err == nil {
		t.Error("a name that comes twice has a canonical form")
	}
}

func TestDigests(t *testing.T) {
	digest := func(eventType events.Type, key events.ID, body events.Body) string {
		d, err := codecs.Digest(eventType, key, body)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	one := digest("A", "k", `{"a":1.0,"b":"\u0041"}`)
	if len(one) != 64 || one != digest("A", "k", ` {"b":"A","a":1}`) {
		t.Error("one body has two digests")
	}
	for _, other := range []string{digest("B", "k", `{"a":1,"b":"A"}`), digest("A", "l", `{"a":1,"b":"A"}`), digest("A", "k", `{"a":2,"b":"A"}`), digest("Ak", "", `{"a":1,"b":"A"}`), digest("A", "k", `{"a":"1","b":"A"}`)} {
		if one == other {
			t.Error("two events have one digest")
		}
	}
}

// A canonical number is the same number, and the same text for equal ones.
func TestCanonicalNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		got, err := codecs.Canonical([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		was, _ := new(big.Rat).SetString(text)
		is, ok := new(big.Rat).SetString(string(got))
		if !ok || was.Cmp(is) != 0 || !json.Valid(got) {
			t.Fatalf("%s became %s", text, got)
		}
		if again, err := codecs.Canonical(got); err != nil || string(again) != string(got) {
			t.Fatalf("%s is written again as %s", got, again)
		}
	})
}

// Whatever the text, it is read as the standard library reads it, or refused
// with codes; the canonical form is read as the same value.
func FuzzReadJSON(f *testing.F) {
	for _, s := range []string{`{"a":"\ud83d\ude00","b":[1e3,-0.5,null,true]}`, `{"a":1,"A":2}`, `[[[[]]]]`, `{"":{"":""}}`, `1e999`, `"\ud800"`, `{} {}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, faults := codecs.ReadJSON([]byte(text), nil)
		if len(faults) > 0 {
			for _, fault := range faults {
				if fault.ReasonCode == "" || fault.Reason == "" || v != nil {
					t.Fatalf("%+v", faults)
				}
			}
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("%q is read and is not JSON", text)
		}
		canonical, err := codecs.Canonical([]byte(text))
		if err != nil || !json.Valid(canonical) {
			t.Fatalf("%q: %s, %v", text, canonical, err)
		}
		if again, err := codecs.Canonical(canonical); err != nil || string(again) != string(canonical) {
			t.Fatalf("%s is written again as %s, %v", canonical, again, err)
		}
	})
}
