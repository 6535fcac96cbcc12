package codecs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"

	"payerflow/codecs"
	"payerflow/events"
	"payerflow/internal/topology"
)

// topicsByType finds the topic of an event type.
func topicsByType(t testing.TB) map[string]string {
	t.Helper()
	topics := map[string]string{}
	for topic, eventTypes := range filesCatalogue {
		for _, eventType := range eventTypes {
			topics[eventType] = topic
		}
	}
	return topics
}

func TestEveryEventTypeHasATopic(t *testing.T) {
	topics := topicsByType(t)
	for _, eventType := range codecs.EventTypes() {
		if topics[eventType] == "" {
			t.Errorf("%s has a JSON Schema and no topic", eventType)
		}
	}
	if len(topics) != len(codecs.EventTypes()) {
		t.Errorf("%d event types, %d JSON Schemas", len(topics), len(codecs.EventTypes()))
	}
}

// What is checked at the door, written as Avro and read again is the same
// body; what it left out has the default of its schema.
func TestBodiesRoundTrip(t *testing.T) {
	topics := topicsByType(t)
	for _, eventType := range codecs.EventTypes() {
		x := exampleOf(t, eventType)
		for name, body := range map[string]map[string]any{"full": x.full, "least": x.least, "nulls": x.nulls} {
			t.Run(eventType+"/"+name, func(t *testing.T) {
				checked, faults := codecs.CheckBody(doc(t, body))
				if len(faults) > 0 {
					t.Fatalf("refused: %+v", faults)
				}
				memory := &codecs.Memory{}
				topic := topology.Topic{Name: topics[eventType], MaxMessageBytes: 1 << 20}
				value, err := codecs.NewBodies(memory).Encode(topic, checked)
				if err != nil {
					t.Fatal(err)
				}
				shown, err := codecs.NewGeneric(memory).Decode(value)
				if err != nil {
					t.Fatal(err)
				}
				sameBody(t, topic.Name, body, shown)
			})
		}
	}
}

func sameBody(t *testing.T, topic string, body map[string]any, shown []byte) {
	t.Helper()
	var got map[string]any
	d := json.NewDecoder(strings.NewReader(string(shown)))
	d.UseNumber()
	if err := d.Decode(&got); err != nil {
		t.Fatalf("%s: %v", shown, err)
	}
	want := maps.Clone(body)
	record := filesRecord(t, filesAvro+"/"+topic+".avsc")
	for _, f := range record.Fields() {
		if _, given := want[f.Name()]; !given {
			want[f.Name()] = f.Default()
		}
	}
	for name, v := range want {
		if n, ok := v.(*json.Number); ok {
			want[name] = *n
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %v\nwant %v", got, want)
	}
	var order []string
	for _, f := range record.Fields() {
		order = append(order, f.Name())
	}
	last := -1
	for _, name := range order {
		at := strings.Index(string(shown), `"`+name+`":`)
		if at < last {
			t.Errorf("%s is not in the schema's order", name)
		}
		last = at
	}
}

func TestBillingCentsAndDates(t *testing.T) {
	x := exampleOf(t, "INVOICE_GENERATED")
	for _, cents := range []string{"0", "1", "48000", "999999999999999"} {
		body := with(with(x.full, "premiumCents", json.Number(cents)), "dueDate", "2024-02-29")
		checked, faults := codecs.CheckBody(doc(t, body))
		if len(faults) > 0 {
			t.Fatalf("%s: %+v", cents, faults)
		}
		memory := &codecs.Memory{}
		value, err := codecs.NewBodies(memory).Encode(topology.Topic{Name: "billing.invoice.generated", MaxMessageBytes: 1 << 20}, checked)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := codecs.NewGeneric(memory).Decode(value)
		if err != nil || !strings.Contains(string(shown), `"premiumCents":`+cents+`,`) || !strings.Contains(string(shown), `"dueDate":"2024-02-29"`) {
			t.Errorf("%s: %s, %v", cents, shown, err)
		}
	}
	for _, cents := range []any{"48000", 480.5, -1, json.Number("1000000000000000"), true, nil} {
		if _, faults := codecs.CheckBody(doc(t, with(x.full, "premiumCents", cents))); len(faults) != 1 || faults[0].At != "/premiumCents" {
			t.Errorf("%v cents: %+v", cents, faults)
		}
	}
}

// Each required field that is left out is refused with its pointer.
func TestRequiredFieldsOfEveryEventType(t *testing.T) {
	for _, eventType := range codecs.EventTypes() {
		x := exampleOf(t, eventType)
		for _, name := range x.required {
			_, faults := codecs.CheckBody(doc(t, without(x.full, name)))
			want := events.Fault{ReasonCode: events.MissingField, At: "/" + name}
			if name == "eventType" {
				want.ReasonCode = events.UnknownEventType
			}
			if len(faults) != 1 || faults[0].ReasonCode != want.ReasonCode || faults[0].At != want.At {
				t.Errorf("%s without %s: %+v", eventType, name, faults)
			}
		}
		_, faults := codecs.CheckBody(doc(t, map[string]any{"eventType": eventType}))
		var at []string
		for _, f := range faults {
			at = append(at, strings.TrimPrefix(f.At, "/"))
		}
		want := slices.DeleteFunc(slices.Clone(x.required), func(n string) bool { return n == "eventType" })
		slices.Sort(want)
		if !slices.Equal(at, want) {
			t.Errorf("%s without anything: faults at %v, want %v", eventType, at, want)
		}
	}
}

// All faults are told at once, in one order, and none repeats a value, of
// whatever kind it is.
func TestFaultsComeTogetherAndRepeatNothing(t *testing.T) {
	for _, eventType := range codecs.EventTypes() {
		x := exampleOf(t, eventType)
		for _, bad := range []any{map[string]any{canary: canary}, []any{}, 47.11} {
			body := map[string]any{"eventType": eventType}
			var want []string
			for name := range x.properties {
				if name != "eventType" {
					body[name] = bad
					want = append(want, "/"+name)
				}
			}
			slices.Sort(want)
			_, faults := codecs.CheckBody(doc(t, body))
			if at := pointersOf(faults); !slices.Equal(at, want) {
				t.Errorf("%s of %T: faults at %v, want %v", eventType, bad, at, want)
			}
			wantSilence(t, eventType, faults)
		}
		for name, p := range x.properties {
			long := strings.Repeat(canary, 200)
			_, faults := codecs.CheckBody(doc(t, with(x.full, name, long)))
			free := p.Pattern == "" && p.Format == "" && p.MaxLength != nil && *p.MaxLength >= len(long) // raw EDI
			if (len(faults) == 0) != free {
				t.Errorf("%s.%s: a long text gives %+v", eventType, name, faults)
			}
			wantSilence(t, eventType+"."+name, faults)
		}
	}
}

func pointersOf(faults []events.Fault) (at []string) {
	for _, f := range faults {
		at = append(at, f.At)
	}
	return slices.Compact(at)
}

func wantSilence(t *testing.T, what string, faults []events.Fault) {
	t.Helper()
	for _, f := range faults {
		if said := fmt.Sprintf("%+v", f); strings.Contains(said, canary) || strings.Contains(said, "47.11") || f.Reason == "" || f.ReasonCode == "" {
			t.Errorf("%s: %s", what, said)
		}
	}
}

func TestBodiesThatAreNone(t *testing.T) {
	full := exampleOf(t, "CLAIM_PAID").full
	for name, c := range map[string]struct{ doc, code, at string }{
		"nothing":             {``, "INVALID_JSON", ""},
		"half":                {`{"eventType":"` + canary, "INVALID_JSON", "/eventType"},
		"two":                 {`{}{}`, "INVALID_JSON", ""},
		"a text":              {`"` + canary + `"`, "INVALID_JSON", ""},
		"null":                {`null`, "INVALID_JSON", ""},
		"an array":            {`[{"eventType":"CLAIM_PAID"}]`, "INVALID_JSON", ""},
		"no type":             {`{}`, events.UnknownEventType, "/eventType"},
		"an unknown type":     {`{"eventType":"` + canary + `"}`, events.UnknownEventType, "/eventType"},
		"a type that is none": {`{"eventType":4711}`, events.UnknownEventType, "/eventType"},
		"UNKNOWN":             {`{"eventType":"UNKNOWN"}`, events.UnknownEventType, "/eventType"},
		"a path to a type":    {string(doc(t, with(full, "eventType", "x/CLAIM_PAID"))), events.UnknownEventType, "/eventType"},
		"a path upward":       {`{"eventType":"../avro/dlq"}`, events.UnknownEventType, "/eventType"},
		"an unknown field":    {string(doc(t, with(full, canary, canary))), "UNKNOWN_FIELD", ""},
	} {
		body, faults := codecs.CheckBody([]byte(c.doc))
		if body != nil || len(faults) != 1 || faults[0].ReasonCode != c.code || faults[0].At != c.at {
			t.Errorf("%s: %+v", name, faults)
		}
		wantSilence(t, name, faults)
	}
	if _, faults := codecs.CheckBody(doc(t, map[string]any{"eventType": "CLAIM_PAID", canary: 1, "b": 2})); len(faults) != 8 {
		t.Errorf("six missing fields and two unknown ones: %+v", faults)
	}
}

// FromJSON stands alone as well: what is no value of the schema is a fault at
// its field.
func TestFromJSONRefuses(t *testing.T) {
	record := filesRecord(t, filesAvro+"/claims.claim.paid.avsc")
	full := exampleOf(t, "CLAIM_PAID").full
	for name, c := range map[string]struct {
		body any
		code string
		at   string
	}{
		"a text":            {canary, events.InvalidValue, ""},
		"a missing field":   {without(full, "paymentId"), events.MissingField, "/paymentId"},
		"a number for text": {with(full, "paymentId", json.Number("4711")), events.InvalidValue, "/paymentId"},
		"an unknown symbol": {with(full, "recordedBy", canary), events.InvalidValue, "/recordedBy"},
		"no instant":        {with(full, "paidAt", canary), events.InvalidValue, "/paidAt"},
		"a leap second":     {with(full, "paidAt", "2016-12-31T23:59:60Z"), events.InvalidValue, "/paidAt"},
		"null":              {with(full, "claimId", nil), events.InvalidValue, "/claimId"},
	} {
		_, err := codecs.FromJSON(record, c.body)
		wantFault(t, name, err, c.code)
		var f topology.Fault
		if errors.As(err, &f) && f.Pointer() != c.at {
			t.Errorf("%s: at %s", name, f.Pointer())
		}
	}
}

func TestFromJSONWritesWhatToJSONReads(t *testing.T) {
	schema, err := avro.ParseWithCache(`{"type":"record","name":"R","fields":[
		{"name":"list","type":{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"n","type":"int"},{"name":"b","type":"bytes"}]}}},
		{"name":"on","type":"boolean"},{"name":"day","type":{"type":"int","logicalType":"date"}},{"name":"n","type":["null","long"],"default":null}]}`, "", &avro.SchemaCache{})
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"list":[{"n":-2147483648,"b":"AP8="},{"n":2147483647,"b":""}],"on":true,"day":"0000-01-01","n":9223372036854775807}`
	var body any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&body); err != nil {
		t.Fatal(err)
	}
	b, err := codecs.FromJSON(schema, body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := codecs.ToJSON(schema, b); err != nil || string(got) != text {
		t.Errorf("%s, %v", got, err)
	}
	for at, bad := range map[string]string{
		"/list/1/n": strings.Replace(text, "2147483647", "2147483648", 1),
		"/list/0/b": strings.Replace(text, "AP8=", "??", 1),
		"/on":       strings.Replace(text, "true", `"true"`, 1),
		"/day":      strings.Replace(text, "0000-01-01", "2026-02-30", 1),
		"/list":     strings.Replace(text, `"list":[`, `"list":{"a":[`, 1),
		"/n":        strings.Replace(text, "9223372036854775807", "9223372036854775808", 1),
	} {
		if at == "/list" {
			bad = `{"list":{},"on":true,"day":"2026-02-28"}`
		}
		d := json.NewDecoder(strings.NewReader(bad))
		d.UseNumber()
		if err := d.Decode(&body); err != nil {
			t.Fatal(err)
		}
		_, err := codecs.FromJSON(schema, body)
		var f topology.Fault
		if !errors.As(err, &f) || f.Pointer() != at {
			t.Errorf("%s: %v", at, err)
		}
	}
}

func TestBodiesAreNotLargerThanTheirTopic(t *testing.T) {
	checked, faults := codecs.CheckBody(doc(t, exampleOf(t, "CLAIM_PAID").full))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	bodies := codecs.NewBodies(&codecs.Memory{})
	value, err := bodies.Encode(topology.Topic{Name: "claims.claim.paid", MaxMessageBytes: 1 << 20}, checked)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bodies.Encode(topology.Topic{Name: "claims.claim.paid", MaxMessageBytes: len(value)}, checked); err != nil {
		t.Errorf("a value of just the limit: %v", err)
	}
	_, err = bodies.Encode(topology.Topic{Name: "claims.claim.paid", MaxMessageBytes: len(value) - 1}, checked)
	wantFault(t, "a value beyond the limit", err, codecs.TooLarge)
	if _, err := bodies.Encode(topology.Topic{Name: "no.such.topic", MaxMessageBytes: 1}, checked); err == nil {
		t.Error("a topic without a schema takes values")
	}
	away := codecs.NewBodies(&registry{err: fmt.Errorf("registry: %w", topology.ErrUnavailable)})
	if _, err := away.Encode(topology.Topic{Name: "claims.claim.paid", MaxMessageBytes: 1 << 20}, checked); !errors.Is(err, topology.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}
