package codecs_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Where the schemas, their published history and the sample events lie, seen
// from this package.
const (
	filesAvro   = "schemas/avro"
	filesJSON   = "schemas/json"
	filesGolden = "../testdata/schemas"
	filesEvents = "../testdata/events/claims-day.ndjson"
)

// filesCatalogue is the event catalogue: each domain topic and its event types.
var filesCatalogue = map[string][]string{
	"claims.claim.submitted":             {"CLAIM_SUBMITTED"},
	"claims.claim.adjudicated":           {"CLAIM_APPROVED", "CLAIM_DENIED"},
	"claims.claim.paid":                  {"CLAIM_PAID"},
	"claims.prior_auth.decision":         {"PRIOR_AUTH_APPROVED", "PRIOR_AUTH_DENIED"},
	"claims.appeal.resolved":             {"APPEAL_RESOLVED"},
	"claims.appeal.updated":              {"RECONSIDERATION_RECEIVED", "RECONSIDERATION_IN_REVIEW", "RECONSIDERATION_INFO_REQUESTED", "RECONSIDERATION_DECIDED"},
	"eligibility.coverage.verified":      {"COVERAGE_VERIFIED", "COVERAGE_NOT_FOUND"},
	"eligibility.coverage.terminated":    {"COVERAGE_TERMINATED"},
	"enrollment.enrollment.submitted":    {"ENROLLMENT_SUBMITTED"},
	"enrollment.enrollment.activated":    {"ENROLLMENT_ACTIVATED"},
	"enrollment.enrollment.terminated":   {"ENROLLMENT_TERMINATED"},
	"enrollment.enrollment.plan_changed": {"ENROLLMENT_PLAN_CHANGED"},
	"enrollment.cobra.notice_sent":       {"COBRA_NOTICE_SENT"},
	"enrollment.cobra.elected":           {"COBRA_ELECTED"},
	"billing.invoice.generated":          {"INVOICE_GENERATED"},
	"billing.payment.received":           {"PAYMENT_RECEIVED"},
	"billing.payment.missed":             {"PAYMENT_MISSED", "GRACE_PERIOD_STARTED", "GRACE_PERIOD_EXPIRED", "PAYMENT_MISSED_RETRACTED", "GRACE_PERIOD_STARTED_RETRACTED", "GRACE_PERIOD_EXPIRED_RETRACTED"},
	"billing.payment.completed":          {"PAYMENT_COMPLETED"},
	"provider.credentialing.status_changed": {
		"CREDENTIALING_APPROVED", "CREDENTIALING_DENIED", "CREDENTIALING_EXPIRED", "CREDENTIALING_SUSPENDED"},
	"provider.network.updated": {"NETWORK_UPDATED"},
	"edi.inbound.received":     {"EDI_837_RECEIVED", "EDI_834_RECEIVED", "EDI_270_RECEIVED"},
	"edi.outbound.generated":   {"EDI_835_GENERATED", "EDI_834_GENERATED", "EDI_271_GENERATED"},

	"provider.profile.updated":               {"PROVIDER_PROFILE_UPDATED"},
	"provider.availability":                  {"AVAILABILITY_OFFERED", "AVAILABILITY_WITHDRAWN", "AVAILABILITY_BOOKED", "AVAILABILITY_RELEASED"},
	"provider.availability.booking.requests": {"SLOT_BOOKING_REQUESTED", "SLOT_CANCELLATION_REQUESTED"},
	"provider.availability.booking.replies": {"SLOT_BOOKING_CONFIRMED", "SLOT_BOOKING_REJECTED", "SLOT_BOOKING_REVOKED",
		"SLOT_CANCELLATION_CONFIRMED", "SLOT_CANCELLATION_REJECTED"},
	"careplan.patient.updated":   {"PATIENT_PROFILE_UPDATED"},
	"careplan.booking.requested": {"BOOKING_REQUESTED", "BOOKING_CANCELLATION_REQUESTED"},
	"careplan.bookings":          {"BOOKING_CONFIRMED", "BOOKING_CANCELLED"},
	"careplan.bookings.covered":  {"BOOKING_COVERED", "BOOKING_COVERAGE_WITHDRAWN"},
	"careplan.bookings.onsite":   {"ONSITE_BOOKING_COVERED", "ONSITE_BOOKING_WITHDRAWN"},
}

// filesSamples are the catalogue's sample payloads, with ids filled in.
var filesSamples = []string{
	`{"eventType":"CLAIM_SUBMITTED","schemaVersion":"1.0","claimId":"c1","memberId":"m1","providerId":"p1","planId":"pl1","claimType":"PROFESSIONAL","totalBilledAmount":"250.00","serviceDate":"2026-01-15","submittedAt":"2026-01-16T10:00:00Z","requiresPriorAuth":true,"priorAuthId":null}`,
	`{"eventType":"CLAIM_APPROVED","schemaVersion":"1.0","claimId":"c1","memberId":"m1","providerId":"p1","status":"APPROVED","totalBilledAmount":"250.00","allowedAmount":"180.00","paidAmount":"144.00","memberResponsibility":"36.00","deductibleApplied":"0.00","copayApplied":"36.00","coinsuranceApplied":"0.00","adjudicatedAt":"2026-01-17T14:30:00Z","eobS3Key":"eob/2026/01/c1.pdf"}`,
	`{"eventType":"CLAIM_DENIED","schemaVersion":"1.0","claimId":"c1","memberId":"m1","providerId":"p1","denialReasonCode":"CO-4","denialReasonText":"Service requires prior authorization","appealDeadline":"2026-02-17","adjudicatedAt":"2026-01-17T14:30:00Z"}`,
	`{"eventType":"COVERAGE_VERIFIED","schemaVersion":"1.0","memberId":"m1","planId":"pl1","groupNumber":"GRP-00123","memberNumber":"MEM-456789","effectiveDate":"2026-01-01","terminationDate":null,"coverageType":"MEDICAL","networkTier":"IN_NETWORK","deductibleRemaining":"1500.00","oopMaxRemaining":"4000.00","verifiedAt":"2026-01-16T10:01:00Z"}`,
	`{"eventType":"ENROLLMENT_SUBMITTED","schemaVersion":"1.0","enrollmentId":"e1","memberId":"m1","groupId":null,"planId":"pl1","coverageType":"MEDICAL","electionType":"NEW","effectiveDate":"2026-01-01","tierCode":"EE+FAM","memberPremium":"480.00","totalPremium":"1200.00","dependentCount":2,"submittedAt":"2025-11-15T10:00:00Z"}`,
	`{"eventType":"GRACE_PERIOD_STARTED","schemaVersion":"1.0","memberId":"m1","invoiceId":"i1","gracePeriodEndDate":"2026-03-30","premiumCents":48000,"missedAt":"2026-02-28T23:59:59Z"}`,
	`{"eventType":"CREDENTIALING_APPROVED","schemaVersion":"1.0","providerId":"p1","npi":"1234567890","providerName":"Jane Smith MD","specialty":"Orthopedic Surgery","credentialingStatus":"APPROVED","networkStatus":"IN_NETWORK","effectiveDate":"2026-02-01","approvedAt":"2026-01-28T10:00:00Z"}`,
}

// filesRecord parses one Avro file with a cache of its own, so that versions of
// one record do not see each other.
func filesRecord(t *testing.T, path string) *avro.RecordSchema {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := avro.ParseBytesWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	record, ok := schema.(*avro.RecordSchema)
	if !ok {
		t.Fatalf("%s: a %s, want a record", path, schema.Type())
	}
	return record
}

// filesRecords parses every current Avro schema, by topic; dlq is no topic of events.
func filesRecords(t *testing.T) map[string]*avro.RecordSchema {
	t.Helper()
	records := map[string]*avro.RecordSchema{}
	for _, path := range filesGlob(t, filepath.Join(filesAvro, "*.avsc")) {
		records[strings.TrimSuffix(filepath.Base(path), ".avsc")] = filesRecord(t, path)
	}
	return records
}

func filesGlob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no files (%v)", pattern, err)
	}
	return paths
}

// filesEventTypes lists the event types of a record, without UNKNOWN; nil if
// the record has no eventType.
func filesEventTypes(t *testing.T, record *avro.RecordSchema) []string {
	t.Helper()
	for _, field := range record.Fields() {
		if field.Name() != "eventType" {
			continue
		}
		enum, typed := field.Type().(*avro.EnumSchema)
		if !typed { // an envelope carries every type
			return nil
		}
		if enum.Symbols()[0] != "UNKNOWN" || enum.Default() != "UNKNOWN" {
			t.Errorf("%s: eventType must start with UNKNOWN and default to it", record.FullName())
		}
		return enum.Symbols()[1:]
	}
	return nil
}

// filesSchema compiles the JSON Schema of one event type, formats asserted.
func filesSchema(t *testing.T, eventType string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(filepath.Join(filesJSON, eventType+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://payerflow.dev/schemas/" + eventType + ".json"; schema.ID != want {
		t.Errorf("%s: $id is %q, want %q", eventType, schema.ID, want)
	}
	return schema
}

// filesCheck validates a payload against the JSON Schema of its event type.
func filesCheck(t *testing.T, schemas map[string]*jsonschema.Schema, payload []byte) (string, error) {
	t.Helper()
	var head struct{ EventType string }
	if err := json.Unmarshal(payload, &head); err != nil {
		t.Fatal(err)
	}
	if schemas[head.EventType] == nil {
		schemas[head.EventType] = filesSchema(t, head.EventType)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	return head.EventType, schemas[head.EventType].Validate(value)
}

func TestFilesCatalogueIsComplete(t *testing.T) {
	records := filesRecords(t)
	for topic, want := range filesCatalogue {
		record, ok := records[topic]
		if !ok {
			t.Errorf("%s: no Avro schema", topic)
			continue
		}
		got := filesEventTypes(t, record)
		for _, eventType := range want {
			if !slices.Contains(got, eventType) {
				t.Errorf("%s: event types %v lack %s", topic, got, eventType)
			}
		}
		domain, _, _ := strings.Cut(topic, ".")
		if record.Namespace() != "payer."+domain {
			t.Errorf("%s: namespace %s", topic, record.Namespace())
		}
	}
}

func TestFilesEveryFieldIsDocumented(t *testing.T) {
	for topic, record := range filesRecords(t) {
		if record.Doc() == "" {
			t.Errorf("%s: record without doc", topic)
		}
		for _, field := range record.Fields() {
			if field.Doc() == "" {
				t.Errorf("%s: field %s without doc", topic, field.Name())
			}
		}
	}
}

func TestFilesEveryJSONSchemaCompiles(t *testing.T) {
	for _, path := range filesGlob(t, filepath.Join(filesJSON, "*.json")) {
		schema := filesSchema(t, strings.TrimSuffix(filepath.Base(path), ".json"))
		if schema.DraftVersion != 2020 || schema.Title == "" || schema.Description == "" {
			t.Errorf("%s: want draft 2020-12, title and description", path)
		}
		if schema.AdditionalProperties != false {
			t.Errorf("%s: additionalProperties must be false", path)
		}
	}
}

// A typed record holds what any of its types may carry, and its JSON Schemas
// say what one type must carry: what Avro cannot leave out, JSON must demand.
func TestFilesAvroAndJSONAgree(t *testing.T) {
	for topic, record := range filesRecords(t) {
		for _, eventType := range filesEventTypes(t, record) {
			schema := filesSchema(t, eventType)
			known := map[string]*avro.Field{}
			for _, field := range record.Fields() {
				known[field.Name()] = field
				if property := schema.Properties[field.Name()]; property != nil {
					filesAgree(t, eventType, field, property)
				}
				must := slices.Contains(schema.Required, field.Name())
				if !must && !field.HasDefault() {
					t.Errorf("%s: Avro wants %s, the JSON Schema of %s does not require it", topic, field.Name(), eventType)
				}
			}
			for name := range schema.Properties {
				if known[name] == nil {
					t.Errorf("%s: %s is a property of %s and no field of the record", topic, name, eventType)
				}
			}
			if c := schema.Properties["eventType"].Const; c == nil || *c != any(eventType) {
				t.Errorf("%s: eventType must be the constant", eventType)
			}
		}
	}
}

// filesAgree compares nullability, type and format of one field in both languages.
func filesAgree(t *testing.T, eventType string, field *avro.Field, property *jsonschema.Schema) {
	t.Helper()
	types := property.Types.ToStrings()
	avroType, nullable := field.Type(), false
	if union, ok := avroType.(*avro.UnionSchema); ok {
		nullable = union.Nullable()
		avroType = union.Types()[len(union.Types())-1]
	}
	if slices.Contains(types, "null") && !nullable {
		t.Errorf("%s.%s: null in JSON, not in Avro", eventType, field.Name())
	}
	wantType, wantFormat := "string", ""
	switch avroType.Type() {
	case avro.Boolean:
		wantType = "boolean"
	case avro.Array:
		wantType = "array"
	case avro.Int, avro.Long:
		wantType = "integer"
		if logical, ok := avroType.(avro.LogicalTypeSchema); ok && logical.Logical() != nil {
			wantType = "string"
			wantFormat = map[avro.LogicalType]string{avro.Date: "date", avro.TimestampMicros: "date-time"}[logical.Logical().Type()]
		}
	}
	gotFormat := ""
	if property.Format != nil {
		gotFormat = property.Format.Name
	}
	if !slices.Contains(types, wantType) || gotFormat != wantFormat {
		t.Errorf("%s.%s: JSON %v %q, Avro wants %s %q", eventType, field.Name(), types, gotFormat, wantType, wantFormat)
	}
}

// filesVersions lists the published versions of a subject, ascending.
func filesVersions(t *testing.T, subject string) []int {
	t.Helper()
	var versions []int
	for _, path := range filesGlob(t, filepath.Join(filesGolden, subject, "*.avsc")) {
		version, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), ".avsc"))
		if err != nil {
			t.Fatalf("%s: not a version number", path)
		}
		versions = append(versions, version)
	}
	slices.Sort(versions)
	return versions
}

func filesVersionPath(subject string, version int) string {
	return filepath.Join(filesGolden, subject, strconv.Itoa(version)+".avsc")
}

func TestFilesHighestVersionIsCurrent(t *testing.T) {
	for topic := range filesRecords(t) {
		subject := topic + "-value"
		versions := filesVersions(t, subject)
		for i, version := range versions {
			if version != i+1 {
				t.Fatalf("%s: versions %v have a gap", subject, versions)
			}
		}
		published, err := os.ReadFile(filesVersionPath(subject, len(versions)))
		if err != nil {
			t.Fatal(err)
		}
		current, err := os.ReadFile(filepath.Join(filesAvro, topic+".avsc"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(published, current) {
			t.Errorf("%s: version %d is not the current schema; publish a new version beside it", subject, len(versions))
		}
	}
}

// Readers and writers of any two published versions understand each other.
func TestFilesVersionsAreFullyCompatible(t *testing.T) {
	for topic := range filesRecords(t) {
		subject := topic + "-value"
		versions := filesVersions(t, subject)
		for _, reader := range versions {
			for _, writer := range versions {
				r := filesRecord(t, filesVersionPath(subject, reader))
				w := filesRecord(t, filesVersionPath(subject, writer))
				if err := avro.NewSchemaCompatibility().Compatible(r, w); err != nil {
					t.Errorf("%s: version %d cannot read version %d: %v", subject, reader, writer, err)
				}
			}
		}
	}
}

func TestFilesCatalogueSamplesAreValid(t *testing.T) {
	schemas := map[string]*jsonschema.Schema{}
	for _, sample := range filesSamples {
		if eventType, err := filesCheck(t, schemas, []byte(sample)); err != nil {
			t.Errorf("%s: %v", eventType, err)
		}
	}
}

func TestFilesWrongPayloadsAreRefused(t *testing.T) {
	schemas := map[string]*jsonschema.Schema{}
	for _, change := range []struct{ name, from, to string }{
		{"money as a number", `"totalBilledAmount":"250.00"`, `"totalBilledAmount":250.00`},
		{"money with three places", `"250.00"`, `"250.000"`},
		{"negative billed amount", `"250.00"`, `"-250.00"`},
		{"a date that is none", `"2026-01-15"`, `"2026-02-30"`},
		{"an instant without zone", `10:00:00Z`, `10:00:00`},
		{"an unknown claim type", `"PROFESSIONAL"`, `"OTHER"`},
		{"an empty id", `"c1"`, `""`},
		{"null where a value is required", `"memberId":"m1"`, `"memberId":null`},
		{"a required field left out", `"memberId":"m1",`, ``},
		{"an unknown field", `"memberId":"m1"`, `"memberId":"m1","memberName":"x"`},
	} {
		payload := strings.Replace(filesSamples[0], change.from, change.to, 1)
		if payload == filesSamples[0] {
			t.Fatalf("%s: nothing changed", change.name)
		}
		if _, err := filesCheck(t, schemas, []byte(payload)); err == nil {
			t.Errorf("%s: accepted", change.name)
		}
	}
}

func TestFilesClaimsDayIsValid(t *testing.T) {
	file, err := os.Open(filesEvents)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	schemas := map[string]*jsonschema.Schema{}
	lines, line := bufio.NewScanner(file), 0
	for lines.Scan() {
		line++
		eventType, err := filesCheck(t, schemas, lines.Bytes())
		if err != nil {
			t.Errorf("%s:%d: %v", filesEvents, line, err)
		}
		if !slices.Contains([]string{"CLAIM_SUBMITTED", "CLAIM_APPROVED", "CLAIM_DENIED", "CLAIM_PAID", "APPEAL_RESOLVED"}, eventType) {
			t.Errorf("%s:%d: %s is none of the claim events", filesEvents, line, eventType)
		}
	}
	if err := lines.Err(); err != nil || line == 0 {
		t.Fatalf("%s: %d lines, %v", filesEvents, line, err)
	}
}
