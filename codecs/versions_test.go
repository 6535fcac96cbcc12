package codecs_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"

	"payerflow/codecs"
	"payerflow/events"
)

// Each version of a subject reads what each other version wrote: fields that
// both have keep their value, fields that the writer has not take the default.
func TestVersionsReadEachOther(t *testing.T) {
	several := 0
	for _, folder := range filesGlob(t, filepath.Join(filesGolden, "*")) {
		subject := filepath.Base(folder)
		versions := filesVersions(t, subject)
		if len(versions) < 2 {
			continue
		}
		several++
		topic := strings.TrimSuffix(subject, "-value")
		for _, eventType := range filesEventTypes(t, filesRecord(t, filesVersionPath(subject, len(versions)))) {
			body := exampleOf(t, eventType).full
			for _, writer := range versions {
				if !slices.Contains(filesEventTypes(t, filesRecord(t, filesVersionPath(subject, writer))), eventType) {
					continue // it cannot write what it does not know
				}
				for _, reader := range versions {
					readAcross(t, topic, filesRecord(t, filesVersionPath(subject, reader)), filesRecord(t, filesVersionPath(subject, writer)), body)
				}
			}
		}
	}
	if several < 3 {
		t.Errorf("%d subjects have more than one version, want billing.invoice.generated, enrollment.enrollment.submitted and claims.claim.paid at least", several)
	}
}

func readAcross(t *testing.T, topic string, reader, writer *avro.RecordSchema, body map[string]any) {
	t.Helper()
	wrote, err := codecs.FromJSON(writer, body)
	if err != nil {
		t.Fatalf("%s: %v", topic, err)
	}
	resolved, err := avro.NewSchemaCompatibility().Resolve(reader, writer)
	if err != nil {
		t.Fatalf("%s: %v", topic, err)
	}
	// The library keeps decoders by a fingerprint that does not tell two readers
	// of one writer apart: each reading here has a cache of its own.
	var got map[string]any
	if err := (avro.Config{}).Freeze().Unmarshal(resolved, wrote, &got); err != nil {
		t.Fatalf("%s: %v", topic, err)
	}
	want := map[string]any{}
	if err := (avro.Config{}).Freeze().Unmarshal(writer, wrote, &want); err != nil {
		t.Fatalf("%s: %v", topic, err)
	}
	known := map[string]bool{}
	for _, f := range reader.Fields() {
		known[f.Name()] = true
		if _, wrote := want[f.Name()]; !wrote {
			want[f.Name()] = f.Default()
		}
	}
	if kind, ok := want["eventType"].(string); ok && !slices.Contains(filesEventTypes(t, reader), kind) {
		want["eventType"] = string(events.TypeUnknown)
	}
	maps.DeleteFunc(want, func(name string, _ any) bool { return !known[name] })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: read %v\nwant %v", topic, got, want)
	}
}

// A symbol that is younger than the reader is read as the enum's default.
func TestYoungerEventTypesAreReadAsUnknown(t *testing.T) {
	current, err := codecs.AvroSchema("claims.claim.paid")
	if err != nil {
		t.Fatal(err)
	}
	younger := strings.Replace(current, `"CLAIM_PAID"]`, `"CLAIM_PAID", "CLAIM_REPAID"]`, 1)
	younger = strings.Replace(younger, `"CLAIMS"]`, `"CLAIMS", "AUDIT"]`, 1)
	schema, err := avro.ParseWithCache(younger, "", &avro.SchemaCache{})
	if err != nil {
		t.Fatal(err)
	}
	serde := bind[events.ClaimPaid](t, "claims.claim.paid", &registry{texts: map[int]string{7: younger}})
	for _, c := range []struct {
		eventType, by string
		wantType      events.Type
		wantBy        string
	}{
		{"CLAIM_PAID", "BILLING", events.TypeClaimPaid, events.RecordedByBilling},
		{"CLAIM_REPAID", "BILLING", events.TypeUnknown, events.RecordedByBilling},
		{"CLAIM_PAID", "AUDIT", events.TypeClaimPaid, events.RecordedByUnknown},
	} {
		body := maps.Clone(exampleOf(t, "CLAIM_PAID").full)
		body["eventType"], body["recordedBy"] = c.eventType, c.by
		b, err := codecs.FromJSON(schema, body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := serde.Decode(codecs.Frame(7, b))
		if err != nil || got.Type != c.wantType || got.RecordedBy != c.wantBy {
			t.Errorf("%s by %s is read as %s by %s, %v", c.eventType, c.by, got.Type, got.RecordedBy, err)
		}
	}
}

// One event has one digest, whichever version of the schema it was written with.
func TestDigestIsTheSameAcrossVersions(t *testing.T) {
	digests := map[string]string{}
	for _, c := range wireCases() {
		if c.topic != "claims.claim.paid" {
			continue
		}
		serde := bind[events.ClaimPaid](t, c.topic, &registry{texts: map[int]string{c.version: published(t, c.subject(), c.version)}})
		e, err := serde.Decode(c.golden(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, by := range []string{e.RecordedBy, events.RecordedByUnknown} {
			e.RecordedBy = by
			d, err := serde.Digest(e)
			if err != nil {
				t.Fatal(err)
			}
			digests[fmt.Sprint(c.version, by)] = string(d)
		}
	}
	if first, second := digests["1UNKNOWN"], digests["2UNKNOWN"]; first == "" || first != second {
		t.Errorf("digests\n%q\n%q", first, second)
	}
	if digests["2BILLING"] == digests["2UNKNOWN"] || digests["2BILLING"] == "" {
		t.Error("who recorded a payment is not in its digest")
	}
}

// Each field that differs makes another digest.
func TestDigestTellsFieldsApart(t *testing.T) {
	digestFields[events.ClaimSubmitted](t, "claims.claim.submitted", wireSubmitted())
	digestFields[events.ClaimAdjudicated](t, "claims.claim.adjudicated", wireApproved())
	digestFields[events.ClaimAdjudicated](t, "claims.claim.adjudicated", wireDenied())
	digestFields[events.ClaimPaid](t, "claims.claim.paid", wirePaid())
	digestFields[events.AppealResolved](t, "claims.appeal.resolved", wireAppeal())
	digestFields[events.AppealUpdated](t, "claims.appeal.updated", wireReconsideration())
	digestFields[events.PriorAuthDecided](t, "claims.prior_auth.decision", wirePriorAuthApproved())
	digestFields[events.EDIInbound](t, "edi.inbound.received", wire837())
	digestFields[events.EDIOutbound](t, "edi.outbound.generated", wire835())
}

func digestFields[T any](t *testing.T, topic string, e T) {
	t.Helper()
	serde := bind[T](t, topic, &registry{})
	of := func(v T) string {
		d, err := serde.Digest(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(d)
	}
	seen := map[string]string{of(e): "the event itself"}
	typ := reflect.TypeFor[T]()
	for i := range typ.NumField() {
		other := e
		field := reflect.ValueOf(&other).Elem().Field(i)
		if field.IsZero() {
			continue
		}
		field.SetZero()
		d := of(other)
		if with, ok := seen[d]; ok {
			t.Errorf("%s without %s has the digest of %s", typ, typ.Field(i).Name, with)
		}
		seen[d] = typ.Field(i).Name
	}
}

func TestCheckCompatible(t *testing.T) {
	schema := func(fields string) string { return `{"type":"record","name":"R","fields":[` + fields + `]}` }
	id, added := `{"name":"id","type":"string"}`, `{"name":"added","type":["null","string"],"default":null}`
	for name, c := range map[string]struct {
		next string
		old  []string
		ok   bool
	}{
		"the first":                {schema(id), nil, true},
		"the same":                 {schema(id), []string{schema(id)}, true},
		"a field with a default":   {schema(id + "," + added), []string{schema(id)}, true},
		"a default taken away":     {schema(id), []string{schema(id + "," + added)}, true},
		"a field without default":  {schema(id + `,{"name":"added","type":"string"}`), []string{schema(id)}, false},
		"old readers need a field": {schema(added), []string{schema(id + "," + added)}, false},
		"another type":             {schema(`{"name":"id","type":"long"}`), []string{schema(id)}, false},
		"a type that widens":       {schema(`{"name":"id","type":"long"}`), []string{schema(`{"name":"id","type":"int"}`)}, false},
		"not with the first":       {schema(id + "," + added), []string{schema(`{"name":"added","type":"long"}`), schema(id)}, false},
		"no schema":                {`{`, nil, false},
		"itself inside":            {schema(`{"name":"next","type":["null","R"],"default":null}`), nil, false},
	} {
		if err := codecs.CheckCompatible(c.next, c.old); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSameSchema(t *testing.T) {
	text, err := codecs.AvroSchema("claims.claim.paid")
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	laidOut, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if !codecs.SameSchema(text, string(laidOut)) {
		t.Error("layout makes another schema")
	}
	if codecs.SameSchema(text, strings.Replace(text, `"default": "1.0"`, `"default": "2.0"`, 1)) {
		t.Error("another default makes no other schema")
	}
	if codecs.SameSchema("{", "{") {
		t.Error("what does not parse is a schema")
	}
}
