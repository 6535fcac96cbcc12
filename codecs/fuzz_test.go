package codecs_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"payerflow/codecs"
	"payerflow/internal/topology"
)

// allPublished is every published schema by its number in path order.
func allPublished(t testing.TB) (*registry, []string) {
	t.Helper()
	known, subjects := &registry{texts: map[int]string{}}, []string{}
	for _, path := range slices.Sorted(slices.Values(mustGlob(t, filepath.Join(filesGolden, "*", "*.avsc")))) {
		subject := filepath.Base(filepath.Dir(path))
		known.texts[len(subjects)] = published(t, subject, int(filepath.Base(path)[0]-'0'))
		subjects = append(subjects, subject)
	}
	return known, subjects
}

func mustGlob(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no files (%v)", pattern, err)
	}
	return paths
}

// Whatever the bytes, a typed decoder returns a fault, or a value that is
// written and read again as the same.
func FuzzDecode(f *testing.F) {
	cases := wireCases()
	for i, c := range cases {
		f.Add(i, c.golden(f)[5:])
	}
	for _, evil := range hostile {
		f.Add(6, append(slices.Repeat([]byte{0}, 18), evil...))
		f.Add(7, append(slices.Repeat([]byte{0}, 11), evil...))
	}
	f.Fuzz(func(t *testing.T, n int, body []byte) {
		c := cases[max(n, 0)%len(cases)]
		known := &registry{texts: map[int]string{c.version: published(t, c.subject(), c.version)}}
		v, err := c.codec.decode(t, known, c.topic, codecs.Frame(c.version, body))
		if err != nil {
			wantFault(t, c.topic, err, codecs.BadAvro, codecs.TrailingBytes)
			return
		}
		b, err := c.codec.encode(t, known, c.topic, v)
		if err != nil {
			t.Fatalf("%#v is read and not written: %v", v, err)
		}
		again, err := c.codec.decode(t, known, c.topic, b)
		if err != nil || !reflect.DeepEqual(again, v) {
			t.Fatalf("%#v\ncame back as\n%#v, %v", v, again, err)
		}
		if e, ok := v.(topology.Event); ok {
			_, _, _ = e.Validate(), e.Subject(), e.OccurredAt()
		}
	})
}

// Whatever the bytes, the decoder to JSON returns a fault or a JSON value, of
// no more than a multiple of the bytes.
func FuzzGenericDecode(f *testing.F) {
	known, subjects := allPublished(f)
	for n, subject := range subjects {
		f.Add(n, []byte{})
		f.Add(n, slices.Repeat([]byte{0}, 64))
		for _, c := range wireCases() {
			if c.subject() == subject {
				f.Add(n, c.golden(f)[5:])
			}
		}
	}
	f.Fuzz(func(t *testing.T, n int, body []byte) {
		n = max(n, 0) % len(subjects)
		doc, err := codecs.NewGeneric(known).Decode(codecs.Frame(n, body))
		if err != nil {
			wantFault(t, subjects[n], err, codecs.BadAvro, codecs.TrailingBytes)
			return
		}
		if !json.Valid(doc) {
			t.Fatalf("%s: %q", subjects[n], doc)
		}
		if len(doc) > 10_000+40*len(body) {
			t.Fatalf("%s: %d bytes are shown as %d", subjects[n], len(body), len(doc))
		}
	})
}

// Whatever the text, a body is refused with faults, or is written as Avro that
// reads back; a typed event that passed the door passes Validate.
func FuzzFromJSON(f *testing.F) {
	topics := topicsByType(f)
	for _, eventType := range codecs.EventTypes() {
		x := exampleOf(f, eventType)
		f.Add(string(doc(f, x.full)))
		f.Add(string(doc(f, x.least)))
	}
	f.Add(`{"eventType":"INVOICE_GENERATED","premiumCents":1e3}`)
	f.Add(`{"eventType":"x/CLAIM_PAID"}`)
	f.Fuzz(func(t *testing.T, text string) {
		body, faults := codecs.CheckBody([]byte(text))
		if body == nil {
			if len(faults) == 0 {
				t.Fatal("refused without a fault")
			}
			return
		}
		if len(faults) > 0 {
			t.Fatalf("taken with %+v", faults)
		}
		eventType := body["eventType"].(string)
		memory := &codecs.Memory{}
		value, err := codecs.NewBodies(memory).Encode(topology.Topic{Name: topics[eventType], MaxMessageBytes: 10 << 20}, body)
		if err != nil {
			var fault topology.Fault // such as a leap second, which Go's time has not
			if !errors.As(err, &fault) || !strings.HasPrefix(fault.Pointer(), "/") {
				t.Fatalf("%s: %v", eventType, err)
			}
			return
		}
		shown, err := codecs.NewGeneric(memory).Decode(value)
		if err != nil || !json.Valid(shown) {
			t.Fatalf("%s: shown as %s, %v", eventType, shown, err)
		}
		typed, ok := typedEvents[eventType]
		if !ok {
			return
		}
		e, err := typed.decode(t, topics[eventType], memory, value)
		if err != nil || e.Validate() != nil || e.EventType() != eventType {
			t.Fatalf("%s: %v, Validate: %v", eventType, err, e.Validate())
		}
	})
}
