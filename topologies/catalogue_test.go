package topologies_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hamba/avro/v2"

	"payerflow/codecs"
	"payerflow/internal/topology"
	"payerflow/topologies"
)

type catalogued struct {
	name       string
	partitions int
	days       int
	key        string
	producers  []string
	consumers  []string
	eventTypes []string
}

// asCatalogued is the event catalogue with what we add to it: each topic with partitions, days of
// retention, key field, the consumers it names and its event types.
var asCatalogued = []catalogued{
	{"claims.claim.submitted", 12, 14, "claimId", []string{"Claims Service"}, []string{"Billing Service", "Notifications Service"}, []string{"CLAIM_SUBMITTED"}},
	{"claims.claim.adjudicated", 12, 14, "claimId", []string{"Claims Service"}, []string{"Billing Service", "Notifications Service", "EDI (Mirth Connect)"}, []string{"CLAIM_APPROVED", "CLAIM_DENIED"}},
	{"claims.claim.paid", 6, 7, "claimId", []string{"Billing Service", "Claims Service"}, []string{"Notifications Service", "OpenSearch"}, []string{"CLAIM_PAID"}},
	{"claims.prior_auth.decision", 6, 7, "priorAuthId", []string{"Claims Service"}, []string{"Notifications Service", "Eligibility Service"}, []string{"PRIOR_AUTH_APPROVED", "PRIOR_AUTH_DENIED"}},
	{"claims.appeal.resolved", 6, 7, "claimId", []string{"Claims Service"}, []string{"Notifications Service", "Billing Service"}, []string{"APPEAL_RESOLVED"}},
	{"claims.appeal.updated", 6, 7, "claimId", []string{"Claims Service"}, []string{"Notifications Service"}, []string{"RECONSIDERATION_RECEIVED", "RECONSIDERATION_IN_REVIEW", "RECONSIDERATION_INFO_REQUESTED", "RECONSIDERATION_DECIDED"}},
	{"eligibility.coverage.verified", 6, 7, "memberId", []string{"Eligibility Service"}, []string{"Claims Service"}, []string{"COVERAGE_VERIFIED", "COVERAGE_NOT_FOUND"}},
	{"eligibility.coverage.terminated", 6, 7, "memberId", []string{"Eligibility Service"}, []string{"Claims Service", "Notifications Service"}, []string{"COVERAGE_TERMINATED"}},
	{"enrollment.enrollment.submitted", 6, 7, "memberId", []string{"Enrollment Service"}, []string{"Eligibility Service", "Billing Service", "Notifications Service"}, []string{"ENROLLMENT_SUBMITTED"}},
	{"enrollment.enrollment.activated", 6, 7, "memberId", []string{"Enrollment Service"}, []string{"Eligibility Service", "Billing Service", "Notifications Service"}, []string{"ENROLLMENT_ACTIVATED"}},
	{"enrollment.enrollment.terminated", 6, 7, "memberId", []string{"Enrollment Service"}, []string{"Eligibility Service", "Billing Service", "Notifications Service"}, []string{"ENROLLMENT_TERMINATED"}},
	{"enrollment.enrollment.plan_changed", 6, 7, "memberId", []string{"Enrollment Service"}, []string{"Eligibility Service", "Billing Service", "Notifications Service"}, []string{"ENROLLMENT_PLAN_CHANGED"}},
	{"enrollment.cobra.notice_sent", 6, 7, "memberId", []string{"Enrollment Service"}, []string{"Notifications Service"}, []string{"COBRA_NOTICE_SENT"}},
	{"enrollment.cobra.elected", 6, 7, "memberId", []string{"Enrollment Service"}, []string{"Eligibility Service", "Billing Service", "Notifications Service"}, []string{"COBRA_ELECTED"}},
	{"billing.invoice.generated", 12, 14, "memberId", []string{"Billing Service"}, []string{"Notifications Service"}, []string{"INVOICE_GENERATED"}},
	{"billing.payment.received", 6, 7, "memberId", []string{"Billing Service"}, []string{"Enrollment Service", "Notifications Service"}, []string{"PAYMENT_RECEIVED"}},
	{"billing.payment.missed", 6, 7, "memberId", []string{"Billing Service"}, []string{"Enrollment Service", "Notifications Service"}, []string{"PAYMENT_MISSED", "GRACE_PERIOD_STARTED", "GRACE_PERIOD_EXPIRED", "PAYMENT_MISSED_RETRACTED", "GRACE_PERIOD_STARTED_RETRACTED", "GRACE_PERIOD_EXPIRED_RETRACTED"}},
	{"billing.payment.completed", 6, 7, "memberId", []string{"Billing Service"}, []string{"Claims Service", "Notifications Service"}, []string{"PAYMENT_COMPLETED"}},
	{"provider.credentialing.status_changed", 6, 7, "providerId", []string{"Provider Service"}, []string{"Claims Service", "Eligibility Service", "Notifications Service"}, []string{"CREDENTIALING_APPROVED", "CREDENTIALING_DENIED", "CREDENTIALING_EXPIRED", "CREDENTIALING_SUSPENDED"}},
	{"provider.network.updated", 6, 7, "providerId", []string{"Provider Service"}, []string{"Claims Service", "Eligibility Service"}, []string{"NETWORK_UPDATED"}},
	{"edi.inbound.received", 6, 30, "ediTransactionId", []string{"EDI (Mirth Connect)"}, []string{"Claims Service", "Enrollment Service", "Eligibility Service"}, []string{"EDI_837_RECEIVED", "EDI_834_RECEIVED", "EDI_270_RECEIVED"}},
	{"edi.outbound.generated", 6, 30, "ediTransactionId", []string{"EDI (Mirth Connect)"}, []string{"OpenSearch"}, []string{"EDI_835_GENERATED", "EDI_834_GENERATED", "EDI_271_GENERATED"}},
	{"provider.profile.updated", 6, 7, "providerId", []string{"Provider Schedule Service"}, []string{"Care Plan Service"}, []string{"PROVIDER_PROFILE_UPDATED"}},
	{"provider.availability", 6, 7, "availabilityId", []string{"Provider Schedule Service"}, []string{"Care Plan Service"}, []string{"AVAILABILITY_OFFERED", "AVAILABILITY_WITHDRAWN", "AVAILABILITY_BOOKED", "AVAILABILITY_RELEASED"}},
	{"provider.availability.booking.requests", 6, 7, "availabilityId", []string{"Care Plan Service"}, []string{"Provider Schedule Service"}, []string{"SLOT_BOOKING_REQUESTED", "SLOT_CANCELLATION_REQUESTED"}},
	{"provider.availability.booking.replies", 6, 7, "bookingId", []string{"Provider Schedule Service"}, []string{"Care Plan Service"}, []string{"SLOT_BOOKING_CONFIRMED", "SLOT_BOOKING_REJECTED", "SLOT_BOOKING_REVOKED", "SLOT_CANCELLATION_CONFIRMED", "SLOT_CANCELLATION_REJECTED"}},
	{"careplan.patient.updated", 6, 7, "memberId", []string{"Care Plan Service"}, nil, []string{"PATIENT_PROFILE_UPDATED"}},
	{"careplan.booking.requested", 6, 7, "bookingId", []string{"Care Plan Service"}, []string{"Care Plan Service"}, []string{"BOOKING_REQUESTED", "BOOKING_CANCELLATION_REQUESTED"}},
	{"careplan.bookings", 6, 7, "bookingId", []string{"Care Plan Service"}, []string{"Insurance Processor"}, []string{"BOOKING_CONFIRMED", "BOOKING_CANCELLED"}},
	{"careplan.bookings.covered", 6, 7, "bookingId", []string{"Insurance Processor"}, []string{"Care Plan Service"}, []string{"BOOKING_COVERED", "BOOKING_COVERAGE_WITHDRAWN"}},
	{"careplan.bookings.onsite", 6, 7, "bookingId", []string{"Insurance Processor"}, []string{"On-site Service"}, []string{"ONSITE_BOOKING_COVERED", "ONSITE_BOOKING_WITHDRAWN"}},
}

func TestTopicsAreAsCatalogued(t *testing.T) {
	for _, want := range asCatalogued {
		got, ok := topologies.TopicOf(want.name)
		if !ok {
			t.Errorf("%s is missing", want.name)
			continue
		}
		if got.Partitions != want.partitions || got.Retention != time.Duration(want.days)*24*time.Hour || got.KeyField != want.key ||
			got.Compression != "lz4" || got.Cleanup != topology.Delete {
			t.Errorf("%+v", got)
		}
		size := 1 << 20
		if want.days == 30 { // raw EDI
			size = 10 << 20
		}
		if got.MaxMessageBytes != size {
			t.Errorf("%s allows %d bytes", want.name, got.MaxMessageBytes)
		}
		if !slices.Equal(got.Producers, want.producers) || !slices.Equal(got.Consumers, want.consumers) || !slices.Equal(got.EventTypes, want.eventTypes) {
			t.Errorf("%s: %v, %v, %v", want.name, got.Producers, got.Consumers, got.EventTypes)
		}
	}
	seen := map[string]bool{}
	for _, topic := range topologies.Catalogue {
		if seen[topic.Name] || !slices.ContainsFunc(asCatalogued, func(w catalogued) bool { return w.name == topic.Name }) && !topology.LegalNewName(topic.Name) {
			t.Errorf("%s is there twice, or neither catalogued nor legal for a new topic", topic.Name)
		}
		seen[topic.Name] = true
	}
}

func TestTopicsHaveTheirSchemas(t *testing.T) {
	owners := map[string]string{}
	for _, topic := range topologies.Catalogue {
		text, err := codecs.AvroSchema(topic.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		schema, err := avro.ParseWithCache(text, "", &avro.SchemaCache{})
		if err != nil {
			t.Fatal(err)
		}
		fields := map[string]*avro.Field{}
		for _, f := range schema.(*avro.RecordSchema).Fields() {
			fields[f.Name()] = f
		}
		if key := fields[topic.KeyField]; key == nil || key.Type().Type() != avro.String || key.HasDefault() {
			t.Errorf("%s: the key field %s is no text that every record has", topic.Name, topic.KeyField)
		}
		enum, ok := fields["eventType"].Type().(*avro.EnumSchema)
		if !ok || enum.Default() != "UNKNOWN" {
			t.Fatalf("%s: eventType %v", topic.Name, fields["eventType"].Type())
		}
		symbols, types := slices.DeleteFunc(enum.Symbols(), func(s string) bool { return s == "UNKNOWN" }), slices.Clone(topic.EventTypes)
		slices.Sort(symbols)
		slices.Sort(types)
		if !slices.Equal(symbols, types) {
			t.Errorf("%s: the schema has %v, the catalogue %v", topic.Name, symbols, types)
		}
		for _, eventType := range topic.EventTypes {
			if _, err := codecs.JSONSchema(eventType); err != nil {
				t.Errorf("%s: %v", eventType, err)
			}
			if other, ok := owners[eventType]; ok {
				t.Errorf("%s is of %s and of %s", eventType, other, topic.Name)
			}
			owners[eventType] = topic.Name
			if got, ok := topologies.TopicFor(eventType); !ok || got.Name != topic.Name {
				t.Errorf("TopicFor(%s) = %s", eventType, got.Name)
			}
		}
	}
	for _, eventType := range codecs.EventTypes() {
		if owners[eventType] == "" {
			t.Errorf("no topic carries %s", eventType)
		}
	}
	if got, ok := topologies.TopicFor("UNKNOWN"); ok {
		t.Errorf("%s carries UNKNOWN", got.Name)
	}
	if got, ok := topologies.TopicOf("no.such.topic"); ok {
		t.Errorf("%+v", got)
	}
}

func TestDLQsFollowTheirTopics(t *testing.T) {
	byName := map[string]topology.Topic{}
	for _, topic := range topologies.Topics() {
		if _, twice := byName[topic.Name]; twice {
			t.Errorf("%s is there twice", topic.Name)
		}
		byName[topic.Name] = topic
	}
	for _, topic := range topologies.Catalogue {
		dlq, ok := byName[topic.Name+".dlq"]
		if !ok || dlq.Partitions != topic.Partitions || dlq.Retention != 30*24*time.Hour || dlq.MaxMessageBytes != 2*topic.MaxMessageBytes ||
			dlq.Cleanup != topology.Delete || dlq.Compression != topic.Compression || dlq.Owner != topic.Owner {
			t.Errorf("%s: %+v", topic.Name, dlq)
		}
	}
}

func TestGroupsOwnTheirTopics(t *testing.T) {
	names := map[string]bool{}
	for _, topic := range topologies.Topics() {
		names[topic.Name] = true
	}
	for _, g := range topologies.All {
		for _, topic := range g.Topics() {
			if !names[topic.Name] {
				t.Errorf("%s of %s is in no list", topic.Name, g.Name)
			}
		}
		for _, in := range g.Inputs {
			if in.Whole != (in.Topic.Partitions != g.Table.Partitions) || in.Via.Partitions != g.Table.Partitions {
				t.Errorf("%s folds %s wrongly", g.Name, in.Topic.Name)
			}
		}
	}
}

// Every subject has a schema, and one schema is bound to what its topic holds.
func TestSubjects(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range topologies.Subjects() {
		copies := s.Name == topologies.Deliveries.Topic.Subject() && s.Topic == topologies.Firehose.Topic.Name
		if s.Name != s.Topic+"-value" && !copies || seen[s.Name] {
			t.Errorf("subject %+v", s)
		}
		seen[s.Name] = true
		if _, err := codecs.AvroSchema(s.Topic); err != nil {
			t.Error(err)
		}
	}
	for _, g := range topologies.All {
		if text, err := codecs.AvroSchema(g.Table.Name); err != nil || text != g.RowSchema || !seen[g.Table.Subject()] {
			t.Errorf("%s: rows have another schema than their subject, %v", g.Name, err)
		}
	}
	own := 0 // streams between groups, with their dead letters
	for _, g := range topologies.All {
		own += 2 * len(g.Streams())
	}
	if want := 2*len(topologies.Catalogue) + 2*len(topologies.Mediator) + len(topologies.All) + own + 1; len(seen) != want {
		t.Errorf("%d subjects, want %d", len(seen), want)
	}
}
