package processors

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"payerflow/events"
	"payerflow/tables"
)

const maxSchemaBytes = 256 << 10

// noOutside refuses every schema that is not in the text itself.
type noOutside struct{}

func (noOutside) Load(string) (any, error) {
	return nil, errors.New("a schema stands alone")
}

var errCostly = errors.New("the schema costs too much: it looks at one value thousands of times, by references to itself or to one definition again and again")

// CompileSchema compiles the JSON Schema 2020-12 of an event type. A reference
// to anything outside of the text is an error, and so are references that
// make the schema look at one value thousands of times.
func CompileSchema(text string) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, errors.New("the schema is not one JSON value")
	}
	if !bounded(text) {
		return nil, errCostly
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(noOutside{})
	const url = "https://payerflow.dev/schema"
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("the schema cannot be read: %w", err)
	}
	return c.Compile(url)
}

// schema checks a type's schema, its version, and its sample.
func (f *faults) schema(r *Rules, t tables.EventType) {
	if len(t.Schema) > maxSchemaBytes {
		f.add(InvalidSchema, "/schema", "at most 256 KiB")
		return
	}
	all := r.published[t.Name]
	if !f.version(all, t) {
		return // the text has been compiled when it was published
	}
	compiled, err := CompileSchema(t.Schema)
	if err != nil {
		f.add(InvalidSchema, "/schema", "must be a JSON Schema 2020-12 that refers to nothing outside of itself, and looks at no value thousands of times")
		return
	}
	f.compatible(all, t.Schema)
	if t.Sample != "" {
		sample, err := jsonschema.UnmarshalJSON(strings.NewReader(t.Sample))
		f.unless(err == nil && compiled.Validate(sample) == nil, events.InvalidValue, "/sample", "must be a body that the schema takes")
	}
}

// version holds a type's version to its schemas: it grows by one with each
// new text, and stays where the text stays. It says whether the schema or the
// sample has to be looked at.
func (f *faults) version(all []string, t tables.EventType) bool {
	same := len(all) > 0 && sameJSON(all[len(all)-1], t.Schema)
	want := len(all) + 1
	if same {
		want--
	}
	f.unless(int(t.Version) == want, events.InvalidValue, "/version", fmt.Sprintf("the schema's version is %d: it grows by one with each new text", want))
	return !same || t.Sample != ""
}

// sameJSON says whether two texts are one JSON value, written anyhow.
func sameJSON(a, b string) bool {
	if a == b {
		return true
	}
	x, y := jsontext.Value(a).Clone(), jsontext.Value(b).Clone()
	return x.Canonicalize() == nil && y.Canonicalize() == nil && bytes.Equal(x, y)
}
