package processors

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"payerflow/events"
	"payerflow/tables"
)

// Mask answers: what may this reader see of an event of one type? It is
// compiled once for a type and a set of classes, never changes, and may be
// used by any number of goroutines. What no line classifies is withheld.
type Mask struct {
	id        string
	root      *maskNode
	metadata  map[string]string // class by name of the attribute
	shown     map[string]bool   // attributes that may be seen
	keyClass  string            // "" where no line classifies the key
	keyField  bool              // the type names one
	keyOpen   bool              // the key field may be seen
	space     string            // of keyed hashes
	withholds bool              // a class that the type has may not be seen
	hashes    *sync.Pool        // of HMACs for keys; nil without a secret
	schema    func() (string, error)
}

// NewMask compiles what readers who may see these classes see of a type.
// PUBLIC may always be seen. The secret makes keys that may not be seen into
// keyed hashes; without one, an event with such a key gives an error.
func NewMask(t tables.EventType, classes map[string]bool, secret []byte) *Mask {
	open := map[string]bool{tables.ClassPublic: true}
	for class, may := range classes {
		if may && class != "" {
			open[class] = true
		}
	}
	m := &Mask{root: maskTrie(t, open), metadata: metadataOf(t), shown: map[string]bool{}, keyField: t.KeyField != "", space: hashSpace(t), schema: sync.OnceValues(func() (string, error) { return redactedSchema(t) })}
	m.keyClass, m.keyOpen = m.root.classAt(t.KeyField)
	m.hashes = keyHashes(secret)
	for name, class := range m.metadata {
		m.shown[name] = open[class]
		m.withholds = m.withholds || !open[class]
	}
	for _, f := range t.Fields {
		m.withholds = m.withholds || !open[f.Class] || f.Keys != "" && !open[f.Keys]
	}
	m.id = maskID(t, open, secret)
	return m
}

// ID is equal for masks that give equal output for equal input.
func (m *Mask) ID() string { return m.id }

// Schema is the JSON Schema (2020-12) of the type's redacted bodies. It does
// not depend on what this mask lets through: every field that is not PUBLIC
// may be its own type or the text that stands for a withheld value.
func (m *Mask) Schema() (string, error) { return m.schema() }

// metadataOf are the classes of metadata: ours, and what the type says
// otherwise. A type without a version, which is one that nobody registered, has
// none.
func metadataOf(t tables.EventType) map[string]string {
	if t.Version < 1 {
		return nil
	}
	of := maps.Clone(tables.MetadataClasses)
	for _, f := range t.Metadata {
		of[f.Pointer] = f.Class
	}
	return of
}

// maskID hashes what decides the output. Classes that the type does not use
// do not count, so that teams who see the same share one mask.
func maskID(t tables.EventType, open map[string]bool, secret []byte) string {
	used := map[string]bool{}
	for _, f := range slices.Concat(t.Fields, t.Metadata) {
		for _, class := range []string{f.Class, f.Keys} {
			if open[class] {
				used[class] = true
			}
		}
	}
	for _, class := range metadataOf(t) {
		if open[class] {
			used[class] = true
		}
	}
	text, _ := json.Marshal(struct { // texts and lists of texts always marshal
		Name, Schema, KeyField, Space string
		Fields, Metadata              []tables.Field
		Classes                       []string
	}{t.Name, t.Schema, t.KeyField, hashSpace(t), t.Fields, t.Metadata, slices.Sorted(maps.Keys(used))})
	h := hmac.New(sha256.New, derived(secret, "payerflow mask"))
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil))
}

// hashSpace is what keyed hashes are the same within: all types of the
// catalogue, or the types that one team registered. With one space for all, a
// team could register a type, publish guesses as keys of it, and look for
// their hashes among those of events that it may not see.
func hashSpace(t tables.EventType) string {
	if t.Topic != "" {
		return ""
	}
	return t.Owner + "/"
}

// derived is a key of its own for one purpose.
func derived(secret []byte, label string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, label, sha256.Size)
	if err != nil {
		panic(err) // only lengths beyond 255 hashes are refused
	}
	return key
}

// errUnwalkable says that nothing of a body may leave. It repeats nothing.
var errUnwalkable = &events.Fault{ReasonCode: "UNREDACTABLE", Reason: "the body is not one JSON value whose names are unique: nothing of it may leave"}
