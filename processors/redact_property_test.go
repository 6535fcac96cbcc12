package processors_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"payerflow/events"
	"payerflow/processors"
	"payerflow/tables"
)

// readings are all texts that somebody can read out of a JSON text: itself,
// every name and text in it, and what is JSON or base64 inside of those.
func readings(text string, out []string) []string {
	out = append(out, text)
	if b, err := base64.StdEncoding.DecodeString(text); err == nil && len(b) > 0 {
		out = append(out, string(b))
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return out
	}
	return below(v, out)
}

func below(v any, out []string) []string {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			out = below(child, readings(name, out))
		}
	case []any:
		for _, child := range v {
			out = below(child, out)
		}
	case string:
		return readings(v, out)
	}
	return out
}

func reads(t *rapid.T, text string) func(canary string) bool {
	if !json.Valid([]byte(text)) {
		t.Fatalf("no JSON: %s", text)
	}
	all := strings.Join(readings(text, nil), "\n")
	return func(canary string) bool { return strings.Contains(all, canary) }
}

func compiled(t *rapid.T, text string) *jsonschema.Schema {
	s, err := processors.CompileSchema(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func valid(t *rapid.T, s *jsonschema.Schema, body string) error {
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return s.Validate(v)
}

// What the lines say, and nothing more, is seen; every canary that may be
// seen is there, so that a mask which withholds all would fail as well.
func seesWhatTheLinesSay(t *rapid.T) {
	m := makeType(t)
	if err := valid(t, compiled(t, m.row.Schema), m.body); err != nil {
		t.Fatalf("the maker made %s for %s: %v", m.body, m.row.Schema, err)
	}
	mask := processors.NewMask(m.row, m.may, []byte(secretText))
	out, err := mask.Body([]byte(m.body))
	if err != nil {
		t.Fatalf("%s: %v", m.body, err)
	}
	seen := reads(t, string(out))
	for _, c := range m.hidden {
		if seen(c) {
			t.Fatalf("%s is seen\nof %s\nas %s\nby %v", c, m.body, out, m.row.Fields)
		}
	}
	for _, c := range m.visible {
		if !seen(c) {
			t.Fatalf("%s is not seen\nof %s\nas %s\nby %v", c, m.body, out, m.row.Fields)
		}
	}
	if again, err := mask.Body(out); err != nil || string(again) != string(out) {
		t.Fatalf("%s\nis redacted again to\n%s, %v", out, again, err)
	}
	text, err := mask.Schema()
	if err != nil {
		t.Fatal(err)
	}
	if err := valid(t, compiled(t, text), string(out)); err != nil {
		t.Fatalf("%s\ndoes not fit\n%s\nof %s: %v", out, text, m.row.Schema, err)
	}
	showsMoreToThoseWhoMayMore(t, m, text, seen)
}

func showsMoreToThoseWhoMayMore(t *rapid.T, m *made, schema string, seen func(string) bool) {
	more := maps.Clone(m.may)
	more[tables.ClassPHI] = true
	all := processors.NewMask(m.row, more, nil)
	out, err := all.Body([]byte(m.body))
	if err != nil {
		t.Fatal(err)
	}
	sees := reads(t, string(out))
	for _, c := range m.visible {
		if seen(c) && !sees(c) {
			t.Fatalf("%s is lost to those who may see more", c)
		}
	}
	if text, err := all.Schema(); err != nil || text != schema {
		t.Fatalf("a permission changes the schema, %v", err)
	}
	if err := valid(t, compiled(t, schema), string(out)); err != nil {
		t.Fatalf("%s does not fit %s: %v", out, schema, err)
	}
}

func TestRedactionSeesWhatTheLinesSay(t *testing.T) { rapid.Check(t, seesWhatTheLinesSay) }

// A redacted event never holds a protected value, in whatever encoding: plain,
// escaped, base64, in JSON inside of texts, as a map's name, in arrays.
func FuzzRedact(f *testing.F) {
	f.Add([]byte{})
	f.Fuzz(rapid.MakeFuzz(seesWhatTheLinesSay))
}

// Whatever the text is, a mask says that it cannot be walked, or gives JSON
// that holds nothing of what no line classifies.
func FuzzRedactText(f *testing.F) {
	for _, s := range []string{`{"kind":"a","raw":"{\"id\":\"canary\"}"}`, `{"amounts":{"canary":1}}`, `{"codes":[["canary"]]}`, `{"k\u0069nd":1,"kind":2}`, `[]`, `{1:2}`, `{"raw":"{\"more\":\"[{}]\"}"}`} {
		f.Add(s)
	}
	public, nothing, all := mask(), processors.NewMask(tables.EventType{}, nil, nil), mask("PHI", "PII", "BANK")
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range []*processors.Mask{public, nothing, all} {
			out, err := m.Body([]byte(text))
			if err != nil {
				if out != nil || !strings.HasPrefix(err.Error(), "the body is not") {
					t.Fatalf("%s, %v", out, err)
				}
				continue
			}
			if !json.Valid([]byte(text)) || !json.Valid(out) {
				t.Fatalf("%q became %s", text, out)
			}
			if again, err := m.Body(out); err != nil || string(again) != string(out) {
				t.Fatalf("%s is redacted again to %s, %v", out, again, err)
			}
			if m == nothing && string(out) != `{"***REDACTED***":"***REDACTED***"}` {
				t.Fatalf("%s", out)
			}
		}
	})
}

// The same for what lies around the body.
func FuzzRedactEnvelope(f *testing.F) {
	f.Add("canary", "region", true)
	f.Add("***REDACTED***", "redacted", false)
	open := tables.MetadataClasses
	f.Fuzz(func(t *testing.T, value, name string, strict bool) {
		const canary = "canary4711x"
		row := visit()
		value = canary + value
		e := envelope(`{"kind":"k"}`)
		subject := events.ID(value)
		e.Key, e.EventSubject, e.UserID = subject, &subject, events.ID(value)
		e.Extensions = map[string]string{"clerk": value, value + name: "x", name + "2": value}
		if strict {
			for attribute := range open {
				row.Metadata = append(row.Metadata, tables.Field{Pointer: attribute, Class: tables.ClassPHI})
			}
			e.ID, e.Type, e.TransactionID, e.TransactionType, e.SourceSystem, e.Publisher = value, events.Type(value), value, value, value, value
			e.Tags = []string{value, "b"}
		}
		out, err := maskOf(row).Envelope(e)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), canary) {
			t.Fatalf("%s", text)
		}
		if out.Validate() != nil || len(out.Extensions) != len(e.Extensions) {
			t.Fatalf("%v, %v", out.Validate(), out.Extensions)
		}
	})
}
