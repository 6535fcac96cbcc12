package codecs

import (
	"errors"
	"strings"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxCompiled bounds the schemas of registered types that are kept compiled.
const maxCompiled = 1024

// bodySchema is a compiled JSON Schema and the names that it declares.
type bodySchema struct {
	*jsonschema.Schema
	declared map[string]bool
}

var (
	catalogueSchemas  sync.Map // event type -> *bodySchema
	registeredSchemas = func() *lru.Cache[string, *bodySchema] {
		c, _ := lru.New[string, *bodySchema](maxCompiled) // only a size below 1 is refused
		return c
	}()
)

// catalogueSchema compiles the JSON Schema of a catalogue type once.
func catalogueSchema(eventType string) (*bodySchema, error) {
	if s, ok := catalogueSchemas.Load(eventType); ok {
		return s.(*bodySchema), nil
	}
	text, err := JSONSchema(eventType)
	if err != nil {
		return nil, err
	}
	s, err := compileSchema(text)
	if err == nil {
		catalogueSchemas.Store(eventType, s)
	}
	return s, err
}

// registeredSchema compiles a schema by its text; the last ones used are kept.
func registeredSchema(text string) (*bodySchema, error) {
	if s, ok := registeredSchemas.Get(text); ok {
		return s, nil
	}
	s, err := compileSchema(text)
	if err == nil {
		registeredSchemas.Add(text, s)
	}
	return s, err
}

var errSchema = errors.New("the text is not a JSON Schema 2020-12 that stands alone")

// standsAlone refuses whatever a schema refers to outside of its own text:
// the library would open files.
type standsAlone struct{}

func (standsAlone) Load(string) (any, error) { return nil, errSchema }

func compileSchema(text string) (*bodySchema, error) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, errSchema
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(standsAlone{})
	const url = "https://payerflow.dev/schema"
	if err := c.AddResource(url, doc); err != nil {
		return nil, errSchema
	}
	compiled, err := c.Compile(url)
	if err != nil {
		return nil, errSchema
	}
	s := &bodySchema{compiled, map[string]bool{}}
	s.declare(doc)
	return s, nil
}

// declare collects the names that a schema gives to properties, anywhere.
func (s *bodySchema) declare(v any) {
	switch v := v.(type) {
	case map[string]any:
		properties, _ := v["properties"].(map[string]any)
		for name := range properties {
			s.declared[name] = true
		}
		required, _ := v["required"].([]any)
		for _, name := range required {
			if name, ok := name.(string); ok {
				s.declared[name] = true
			}
		}
		for _, child := range v {
			s.declare(child)
		}
	case []any:
		for _, child := range v {
			s.declare(child)
		}
	}
}
